/* SPDX-License-Identifier: GPL-3.0-or-later
 * The newest packets that came before anybody could open them: whoever has the keys of a handshake first may speak at once, and
 * what it says must wait for us. One thread at a time. */
#ifndef MC_EARLY_H
#define MC_EARLY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct mc_early;

typedef void mc_early_fn(void *ctx, uint8_t *buf, size_t len, const struct sockaddr *from, socklen_t from_len, uint64_t now_us);

/* NULL: no memory. */
struct mc_early *mc_early_new(void);
void mc_early_free(struct mc_early *early); /* NULL is fine */
/* Long ones are not kept; for one too many the oldest goes. */
void mc_early_put(struct mc_early *early, const uint8_t *buf, size_t len, const struct sockaddr *from, socklen_t from_len,
                  uint64_t now_us);
/* Hands over, in order, as if it came now, what is not too old to be of use. */
void mc_early_each(const struct mc_early *early, uint64_t now_us, mc_early_fn *fn, void *ctx);

#endif
