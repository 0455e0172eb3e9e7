/* SPDX-License-Identifier: GPL-3.0-or-later
 * Where requests go, decided outside PJSIP: its own look-up of a name blocks all signalling for seconds (RFC 3263 is done in Python).
 *
 *   a hop   "hN.hop.invalid", the host of an account's hidden Route: a list of addresses and the name that TLS checks (RFC 5922)
 *   a name  of a Contact, a Record-Route, a called URI: becomes a question, which waits here for its answer
 *   an IP   is what it is */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "../err.h"
#include "mc_pjsip.h"
#include "pj_internal.h"

#define MAX_HOPS 512
#define MAX_QUESTIONS 512
#define MAX_NAME 255 /* RFC 1035 section 2.3.4 */
#define MAX_TARGETS 8

struct hop {
    char name[MAX_NAME + 1]; /* "" = not set */
    pjsip_server_addresses to;
};

struct question {
    int id; /* 0 = free */
    bool told;
    char host[MAX_NAME + 1];
    int port;
    int type;
    void *token;
    pjsip_resolver_callback *cb;
};

static struct hop hops[MAX_HOPS];
static struct question questions[MAX_QUESTIONS];
static int last_id;
static bool is_open; /* somebody answers */

/* The hop that a host stands for, or NULL. */
static struct hop *hop_of(const pj_str_t *host) {
    static const char suffix[] = ".hop.invalid";
    const size_t n_suffix = sizeof(suffix) - 1;
    size_t n = host->slen > 0 ? (size_t)host->slen : 0, i;
    unsigned index = 0;

    if (n < n_suffix + 2 || n > n_suffix + 4 || host->ptr[0] != 'h' ||
        memcmp(host->ptr + n - n_suffix, suffix, n_suffix) != 0) {
        return NULL;
    }
    for (i = 1; i < n - n_suffix; i++) {
        if (host->ptr[i] < '0' || host->ptr[i] > '9') {
            return NULL;
        }
        index = index * 10 + (unsigned)(host->ptr[i] - '0');
    }
    return index < MAX_HOPS && hops[index].name[0] ? &hops[index] : NULL;
}

/* One address with its port, as PJSIP wants it; `host` is no literal address: false. */
static bool add(pjsip_server_addresses *to, int type, pj_str_t host, unsigned port) {
    pjsip_server_address_record *entry = &to->entry[to->count];
    int af = memchr(host.ptr, ':', (size_t)host.slen) ? pj_AF_INET6() : pj_AF_INET();
    unsigned char raw[16];

    if (to->count == MAX_TARGETS || port > 65535 || pj_inet_pton(af, &host, raw) != PJ_SUCCESS) {
        return false;
    }
    pj_bzero(entry, sizeof(*entry));
    pj_sockaddr_init(af, &entry->addr, NULL, (pj_uint16_t)port);
    memcpy(pj_sockaddr_get_addr(&entry->addr), raw, af == pj_AF_INET() ? 4 : 16);
    entry->addr_len = pj_sockaddr_get_len(&entry->addr);
    entry->type = (pjsip_transport_type_e)(af == pj_AF_INET() ? type & ~PJSIP_TRANSPORT_IPV6 : type | PJSIP_TRANSPORT_IPV6);
    to->count++;
    return true;
}

static int type_of(const char *transport) {
    return strcmp(transport, "udp") == 0   ? PJSIP_TRANSPORT_UDP
           : strcmp(transport, "tcp") == 0 ? PJSIP_TRANSPORT_TCP
           : strcmp(transport, "tls") == 0 ? PJSIP_TRANSPORT_TLS
                                           : PJSIP_TRANSPORT_UNSPECIFIED;
}

/* Lines "transport address port". */
static int parse(const char *targets, pjsip_server_addresses *to) {
    char transport[4], host[64];
    unsigned port;
    int used;

    pj_bzero(to, sizeof(*to));
    while (sscanf(targets, "%3s %63s %5u\n%n", transport, host, &port, &used) == 3) {
        int type = type_of(transport);

        if (type == PJSIP_TRANSPORT_UNSPECIFIED || !add(to, type, pj_str(host), port)) {
            return MC_E_ARG;
        }
        targets += used;
    }
    return *targets || to->count == 0 ? MC_E_ARG : MC_OK;
}

int mc_pjsip_set_hop(int hop, const char *name, const char *targets) {
    pjsip_server_addresses to;

    if (hop < 0 || hop >= MAX_HOPS || !name[0] || strlen(name) > MAX_NAME || parse(targets, &to) < 0) {
        return MC_E_ARG;
    }
    strcpy(hops[hop].name, name);
    hops[hop].to = to;
    return MC_OK;
}

static int default_type(const pjsip_host_info *target) {
    if (target->type != PJSIP_TRANSPORT_UNSPECIFIED) {
        return (int)target->type;
    }
    return target->flag & PJSIP_TRANSPORT_SECURE     ? PJSIP_TRANSPORT_TLS
           : target->flag & PJSIP_TRANSPORT_RELIABLE ? PJSIP_TRANSPORT_TCP
                                                     : PJSIP_TRANSPORT_UDP;
}

static bool ask(const pjsip_host_info *target, void *token, pjsip_resolver_callback *cb) {
    struct question *q = questions;

    while (q < questions + MAX_QUESTIONS && q->id) {
        q++;
    }
    if (!is_open || q == questions + MAX_QUESTIONS || target->addr.host.slen <= 0 || target->addr.host.slen > MAX_NAME) {
        return false;
    }
    last_id = last_id == INT_MAX ? 1 : last_id + 1;
    *q = (struct question){.id = last_id, .port = target->addr.port, .type = default_type(target), .token = token, .cb = cb};
    memcpy(q->host, target->addr.host.ptr, (size_t)target->addr.host.slen);
    mc_pjsip_wake();
    return true;
}

static void resolve(pjsip_resolver_t *resolver, pj_pool_t *pool, const pjsip_host_info *target, void *token,
                    pjsip_resolver_callback *cb) {
    const struct hop *hop = hop_of(&target->addr.host);
    int type = default_type(target);
    pjsip_server_addresses to = {0};
    unsigned port = target->addr.port                                       ? (unsigned)target->addr.port
                    : (type & ~PJSIP_TRANSPORT_IPV6) == PJSIP_TRANSPORT_TLS ? 5061
                                                                            : 5060;

    (void)resolver;
    (void)pool;
    if (hop) {
        cb(PJ_SUCCESS, token, &hop->to);
    } else if (target->addr.host.slen > 0 && add(&to, type, target->addr.host, port)) {
        cb(PJ_SUCCESS, token, &to);
    } else if (!ask(target, token, cb)) {
        cb(PJ_ERESOLVE, token, NULL); /* 502 */
    }
}

const char *mc_pjsip_next_question(void) {
    static char text[MAX_NAME + 48];
    struct question *q;

    for (q = questions; q < questions + MAX_QUESTIONS; q++) {
        if (q->id && !q->told) {
            int type = q->type & ~PJSIP_TRANSPORT_IPV6;

            q->told = true;
            snprintf(text, sizeof(text), "%d %s %d %s", q->id,
                     type == PJSIP_TRANSPORT_TLS   ? "tls"
                     : type == PJSIP_TRANSPORT_TCP ? "tcp"
                                                   : "udp",
                     q->port, q->host);
            return text;
        }
    }
    return "";
}

void mc_pjsip_answer(int id, const char *targets) {
    pjsip_server_addresses to;
    struct question *q, it;

    for (q = questions; q < questions + MAX_QUESTIONS; q++) {
        if (id > 0 && q->id == id) {
            it = *q;
            q->id = 0; /* before the callback, which may ask again */
            if (parse(targets, &to) == MC_OK) {
                it.cb(PJ_SUCCESS, it.token, &to);
            } else {
                it.cb(PJ_ERESOLVE, it.token, NULL);
            }
            return;
        }
    }
}

/* The hop that a request's first Route names, or NULL. */
static struct hop *hop_in(const pjsip_msg *msg) {
    const pjsip_route_hdr *route = pjsip_msg_find_hdr(msg, PJSIP_H_ROUTE, NULL);

    if (!route || !PJSIP_URI_SCHEME_IS_SIP(route->name_addr.uri)) {
        return NULL;
    }
    return hop_of(&((const pjsip_sip_uri *)pjsip_uri_get_uri(route->name_addr.uri))->host);
}

bool mc_next_hop_leads(const pjsip_msg *msg) {
    return hop_in(msg) != NULL;
}

int mc_next_hop_number(const pjsip_msg *msg) {
    const struct hop *hop = hop_in(msg);

    return hop ? (int)(hop - hops) : -1;
}

/* A peer's maddr (RFC 3261 section 19.1.1) would lead past the host, which is what was judged: allowed, trusted, looked up. */
static void drop_maddr(void *uri) {
    if (uri && (PJSIP_URI_SCHEME_IS_SIP(uri) || PJSIP_URI_SCHEME_IS_SIPS(uri))) {
        ((pjsip_sip_uri *)pjsip_uri_get_uri(uri))->maddr_param.slen = 0;
    }
}

/* Of whatever PJSIP could take the target from: it does so when the request is sent, and nowhere before. */
static void drop_maddrs(pjsip_tx_data *tdata) {
    pjsip_route_hdr *route = pjsip_msg_find_hdr(tdata->msg, PJSIP_H_ROUTE, NULL);

    drop_maddr(tdata->msg->line.req.uri);
    for (; route; route = pjsip_msg_find_hdr(tdata->msg, PJSIP_H_ROUTE, route->next)) {
        drop_maddr(&route->name_addr);
    }
    if (tdata->saved_strict_route) { /* first, when it is sent again */
        drop_maddr(&tdata->saved_strict_route->name_addr);
    }
}

/* TLS checks the peer's certificate against this name, asks for it (SNI), and shares connections by it. PJSIP leaves alone what is set. */
pj_status_t __real_pjsip_endpt_send_request_stateless(pjsip_endpoint *endpt, pjsip_tx_data *tdata, void *token,
                                                      pjsip_send_callback cb);

pj_status_t __wrap_pjsip_endpt_send_request_stateless(pjsip_endpoint *endpt, pjsip_tx_data *tdata, void *token,
                                                      pjsip_send_callback cb) {
    struct hop *hop = hop_in(tdata->msg);

    drop_maddrs(tdata);
    if (hop) {
        pj_str_t name = pj_str(hop->name);

        pj_strdup(tdata->pool, &tdata->dest_info.name, &name);
    }
    return __real_pjsip_endpt_send_request_stateless(endpt, tdata, token, cb);
}

/* Whatever in PJSIP would look a name up by itself gets none. */
pj_status_t __real_pj_getaddrinfo(int af, const pj_str_t *name, unsigned *count, pj_addrinfo ai[]);

pj_status_t __wrap_pj_getaddrinfo(int af, const pj_str_t *name, unsigned *count, pj_addrinfo ai[]) {
    unsigned char raw[16];

    if (name->slen > 0 && pj_inet_pton(pj_AF_INET(), name, raw) != PJ_SUCCESS &&
        pj_inet_pton(pj_AF_INET6(), name, raw) != PJ_SUCCESS) {
        return PJ_ERESOLVE;
    }
    return __real_pj_getaddrinfo(af, name, count, ai);
}

int mc_next_hop_start(void) {
    static pjsip_ext_resolver ours = {.resolve = resolve};

    memset(hops, 0, sizeof(hops));
    memset(questions, 0, sizeof(questions));
    is_open = true;
    return pjsip_endpt_set_ext_resolver(pjsua_var.endpt, &ours) == PJ_SUCCESS ? MC_OK : MC_E_STATE;
}

void mc_next_hop_stop(void) {
    struct question *q;

    is_open = false;
    for (q = questions; q < questions + MAX_QUESTIONS; q++) {
        if (q->id) {
            mc_pjsip_answer(q->id, "");
        }
    }
}
