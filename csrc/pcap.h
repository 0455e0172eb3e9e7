/* SPDX-License-Identifier: GPL-3.0-or-later
 * A capture file as libpcap writes it: a head of 24 bytes, then for each packet a head of 16 and the packet from its IP header on
 * (LINKTYPE_RAW, 101). Everything stands there as UDP: nobody has to put TCP segments together, or to open TLS, to read it. */
#ifndef MC_PCAP_H
#define MC_PCAP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define MC_PCAP_HEAD 24
#define MC_PCAP_OVERHEAD (16 + 40 + 8) /* most bytes of a packet beyond its payload */
#define MC_PCAP_MAX_PAYLOAD 65000

struct mc_pcap_end {
    uint8_t addr[16]; /* network order; IPv4: the first four */
    uint16_t port;
    uint8_t version; /* 4 or 6; 0 = not known: the all-zero address of the other end's kind */
};

struct mc_pcap_end mc_pcap_end_of(const struct sockaddr *addr);
void mc_pcap_head(uint8_t out[MC_PCAP_HEAD]);
/* One packet of which `kept` bytes of payload are written, all others of it only counted. Returns its bytes, at most
 * MC_PCAP_OVERHEAD + kept; MC_E_ARG: too long, or ends of two kinds. `out` has room for that. */
int mc_pcap_packet(uint8_t *out, uint64_t wall_us, const struct mc_pcap_end *src, const struct mc_pcap_end *dst,
                   const uint8_t *payload, size_t len, size_t kept);

#endif
