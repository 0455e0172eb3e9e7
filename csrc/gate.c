/* SPDX-License-Identifier: GPL-3.0-or-later
 * message -> trusted? -> rate of the source -> scan -> known scanner? -> flaws -> body -> method -> room for a new call? */
#include <ctype.h>
#include <netinet/in.h>

#include "err.h"
#include "gate.h"
#include "sdp_scan.h"

const char *const mc_gate_names[MC_GATE_REASONS] = {
    "passed", "malformed", "too_large", "headers", "flawed",    "version", "length",   "body",
    "sdp",    "method",    "scanner",   "rate",    "call_rate", "number",  "draining", "overload",
};

static struct mc_gate the_gate = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct mc_gate *mc_gate_the(void) {
    return &the_gate;
}

void mc_gate_init(struct mc_gate *g) {
    memset(g, 0, sizeof *g);
    pthread_mutex_init(&g->lock, NULL);
}

int mc_gate_trust(struct mc_gate *g, const char *const *nets, size_t n) {
    struct mc_net parsed[MC_GATE_MAX_NETS];

    if (n > MC_GATE_MAX_NETS) {
        return MC_E_ARG;
    }
    for (size_t i = 0; i < n; i++) {
        if (mc_net_parse(&parsed[i], nets[i]) != MC_OK) {
            return MC_E_FORMAT;
        }
    }
    pthread_mutex_lock(&g->lock);
    memcpy(g->nets, parsed, n * sizeof *parsed);
    g->n_nets = n;
    pthread_mutex_unlock(&g->lock);
    return MC_OK;
}

int mc_gate_scanners(struct mc_gate *g, const char *const *words, size_t n) {
    if (n > MC_GATE_MAX_SCANNERS) {
        return MC_E_ARG;
    }
    for (size_t i = 0; i < n; i++) {
        if (words[i][0] == '\0' || strlen(words[i]) >= sizeof g->scanners[i]) {
            return MC_E_ARG; /* an empty word would be in everything */
        }
    }
    pthread_mutex_lock(&g->lock);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k <= strlen(words[i]); k++) {
            g->scanners[i][k] = (char)tolower((unsigned char)words[i][k]);
        }
    }
    g->n_scanners = n;
    pthread_mutex_unlock(&g->lock);
    return MC_OK;
}

void mc_gate_rates(struct mc_gate *g, uint64_t seed, const struct mc_rate rates[MC_BUCKETS]) {
    pthread_mutex_lock(&g->lock);
    mc_sources_init(&g->sources, seed, rates);
    pthread_mutex_unlock(&g->lock);
}

void mc_gate_crowd(struct mc_gate *g, struct mc_rate rate) {
    pthread_mutex_lock(&g->lock);
    g->crowd = rate;
    g->crowd_tokens = (uint64_t)rate.burst * 1000000u;
    g->crowd_us = 0;
    pthread_mutex_unlock(&g->lock);
}

static bool crowd_take(struct mc_gate *g, uint64_t now_us) {
    uint64_t most = (uint64_t)g->crowd.burst * 1000000u, since_us = now_us > g->crowd_us ? now_us - g->crowd_us : 0;

    if (g->crowd.rate == 0) {
        return true;
    }
    g->crowd_us = now_us;
    since_us = since_us < 3600000000u ? since_us : 3600000000u;
    g->crowd_tokens += since_us * g->crowd.rate;
    g->crowd_tokens = g->crowd_tokens < most ? g->crowd_tokens : most;
    if (g->crowd_tokens < 1000000u) {
        return false;
    }
    g->crowd_tokens -= 1000000u;
    return true;
}

void mc_gate_drain(struct mc_gate *g, bool on) {
    __atomic_store_n(&g->draining, on, __ATOMIC_RELAXED);
}

void mc_gate_overload(struct mc_gate *g, uint32_t most_wait_us, uint32_t retry_after_s) {
    __atomic_store_n(&g->most_wait_us, most_wait_us, __ATOMIC_RELAXED);
    __atomic_store_n(&g->retry_after_s, retry_after_s, __ATOMIC_RELAXED);
}

void mc_gate_lag(struct mc_gate *g, uint64_t lag_us, uint64_t now_us) {
    __atomic_store_n(&g->lag_us, lag_us, __ATOMIC_RELAXED);
    __atomic_store_n(&g->lag_at_us, now_us, __ATOMIC_RELAXED);
}

uint64_t mc_gate_count(const struct mc_gate *g, enum mc_gate_reason reason) {
    return __atomic_load_n(&g->n[reason], __ATOMIC_RELAXED);
}

static bool trusted(const struct mc_gate *g, const struct sockaddr *from) {
    for (size_t i = 0; i < g->n_nets; i++) {
        if (mc_net_has(&g->nets[i], from)) {
            return true;
        }
    }
    return false;
}

static bool contains(struct mc_span text, const char *word) {
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= text.len; i++) {
        if (strncasecmp(text.at + i, word, n) == 0) {
            return true;
        }
    }
    return false;
}

/* Names of our own next hops (csrc/pjsip/next_hop.c), which are never on the wire: who writes one into a Contact or a Record-Route
 * wants our requests to go to a server of ours, as if we had chosen it. */
static bool names_a_hop(const char *at, size_t len) {
    static const char name[] = ".hop.invalid";
    const char *end = at + len;

    while ((at = memchr(at, '.', (size_t)(end - at))) != NULL && (size_t)(end - at) >= sizeof name - 1) {
        if (strncasecmp(at, name, sizeof name - 1) == 0) {
            return true;
        }
        at++;
    }
    return false;
}

static bool scanner(const struct mc_gate *g, struct mc_span user_agent) {
    for (size_t i = 0; i < g->n_scanners; i++) {
        if (contains(user_agent, g->scanners[i])) {
            return true;
        }
    }
    return false;
}

static bool is_method(struct mc_span method, const char *name) { /* with its case (RFC 3261 section 7.1) */
    return method.len == strlen(name) && memcmp(method.at, name, method.len) == 0;
}

static bool served(struct mc_span method) {
    static const char *const all[] = {"INVITE", "ACK",  "BYE",   "CANCEL", "OPTIONS",  "UPDATE",
                                      "PRACK",  "INFO", "REFER", "NOTIFY", "SUBSCRIBE"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (is_method(method, all[i])) {
            return true;
        }
    }
    return false;
}

static struct mc_gate_verdict verdict(enum mc_gate_reason reason, enum mc_gate_action action, int code, size_t size) {
    return (struct mc_gate_verdict){.reason = reason, .action = action, .code = code, .size = size};
}

/* A response or an ACK can't be refused: it goes on without what is bad in it, or not at all. */
static struct mc_gate_verdict refuse(const struct mc_sip_scan *m, enum mc_gate_reason reason, int code, size_t size) {
    bool body = reason == MC_GATE_BODY || reason == MC_GATE_SDP;

    if (m->status != 0 || is_method(m->method, "ACK")) {
        return verdict(reason, body ? MC_GATE_STRIP : MC_GATE_DROP, 0, size);
    }
    return verdict(reason, MC_GATE_REFUSE, code, size);
}

/* Whatever its type is said to be: "application / sdp" is one too (RFC 3261 section 25.1, SLASH), and a part may be one. */
static struct mc_gate_verdict judge_body(const struct mc_sip_scan *m, const char *body, size_t len, size_t size) {
    if (len > MC_SDP_MAX_BYTES) {
        return refuse(m, MC_GATE_BODY, 413, size);
    }
    if (mc_sdp_scan(body, len) != NULL) {
        return refuse(m, MC_GATE_SDP, 488, size);
    }
    return verdict(MC_GATE_PASS, MC_GATE_TAKE, 0, size);
}

/* `said`: the message's size by its own word; beyond `len` it is not all there. */
static struct mc_gate_verdict judge_message(struct mc_gate *g, const struct mc_sip_scan *m, const char *buf, size_t len,
                                            size_t said) {
    size_t size = said < len ? said : len;
    struct mc_gate_verdict v;

    if (m->status == 0 && scanner(g, m->user_agent)) {
        return verdict(MC_GATE_SCANNER, MC_GATE_DROP, 0, size);
    }
    if (names_a_hop(buf, m->body)) {
        return verdict(MC_GATE_FLAWED, MC_GATE_DROP, 0, size);
    }
    if (m->flaws & MC_SIP_FLAW_MISSING) {
        return verdict(MC_GATE_FLAWED, MC_GATE_DROP, 0, size); /* an answer needs what is missing */
    }
    if (m->flaws & MC_SIP_FLAW_VERSION) {
        return refuse(m, MC_GATE_VERSION, 505, size); /* section 21.5.6 */
    }
    if (m->flaws & MC_SIP_FLAW_LENGTH || said > len) { /* section 18.3 */
        return refuse(m, MC_GATE_LENGTH, 400, m->body);
    }
    if (m->flaws != 0) { /* section 8.2.2.1: 416 */
        return refuse(m, MC_GATE_FLAWED, m->flaws == MC_SIP_FLAW_SCHEME ? 416 : 400, size);
    }
    v = judge_body(m, buf + m->body, size - m->body, size);
    if (v.action == MC_GATE_TAKE && m->status == 0 && !served(m->method)) {
        return refuse(m, MC_GATE_METHOD, 405, size);
    }
    return v;
}

static bool overloaded(const struct mc_gate *g, uint64_t waited_us, uint64_t now_us) {
    uint32_t most_us = __atomic_load_n(&g->most_wait_us, __ATOMIC_RELAXED);
    uint64_t at_us = __atomic_load_n(&g->lag_at_us, __ATOMIC_RELAXED);
    bool late = now_us < at_us + MC_GATE_LAG_OLD_US && __atomic_load_n(&g->lag_us, __ATOMIC_RELAXED) > most_us;

    return most_us != 0 && (waited_us > most_us || late);
}

/* What begins something new has to find room for it. */
static struct mc_gate_verdict judge_new(struct mc_gate *g, struct mc_gate_verdict v, const struct mc_sip_scan *m,
                                        const struct sockaddr *from, bool limited, uint64_t waited_us, uint64_t now_us) {
    bool invite = is_method(m->method, "INVITE");

    if (v.action != MC_GATE_TAKE || m->status != 0 || m->in_dialog || (!invite && !is_method(m->method, "OPTIONS"))) {
        return v;
    }
    if (__atomic_load_n(&g->draining, __ATOMIC_RELAXED)) {
        return verdict(MC_GATE_DRAINING, MC_GATE_BUSY, 503, v.size);
    }
    if (invite && limited && !mc_sources_take(&g->sources, from, MC_BUCKET_CALLS, now_us)) {
        return verdict(MC_GATE_CALL_RATE, MC_GATE_BUSY, 503, v.size);
    }
    if (invite && limited && !crowd_take(g, now_us)) {
        return verdict(MC_GATE_OVERLOAD, MC_GATE_BUSY, 503, v.size);
    }
    if (invite && overloaded(g, waited_us, now_us)) {
        return verdict(MC_GATE_OVERLOAD, MC_GATE_BUSY, 503, v.size);
    }
    return v;
}

/* Where this message ends in buf. *size 0: of a stream, and not whole yet. */
static enum mc_gate_reason frame(const struct mc_sip_scan *m, int rc, size_t len, bool stream, size_t *size) {
    *size = len;
    if (rc == MC_E_SHORT && stream && len <= MC_GATE_MAX_BYTES) {
        *size = 0;
        return MC_GATE_PASS;
    }
    if (rc != MC_OK || (!stream && len > MC_GATE_MAX_BYTES)) {
        return rc == MC_E_FULL ? MC_GATE_HEADERS : len > MC_GATE_MAX_BYTES ? MC_GATE_TOO_LARGE : MC_GATE_MALFORMED;
    }
    if (m->content_length >= 0) {
        *size = m->body + (size_t)m->content_length; /* section 18.3: what is behind it in a datagram is nothing */
    }
    if (stream) { /* the same section: a stream is nothing without the header */
        if (m->content_length < 0 || m->flaws & MC_SIP_FLAW_TWICE || *size > MC_GATE_MAX_BYTES) {
            return MC_GATE_LENGTH;
        }
        *size = *size > len ? 0 : *size;
    }
    return MC_GATE_PASS;
}

static struct mc_gate_verdict judge(struct mc_gate *g, const char *buf, size_t len, bool stream, const struct sockaddr *from,
                                    uint64_t waited_us, uint64_t now_us) {
    bool limited = !trusted(g, from);
    struct mc_gate_verdict v;
    enum mc_gate_reason bad;
    struct mc_sip_scan m;
    size_t size;

    if (!stream && limited && !mc_sources_take(&g->sources, from, MC_BUCKET_MESSAGES, now_us)) {
        return verdict(MC_GATE_RATE, MC_GATE_DROP, 0, len); /* before any work */
    }
    bad = frame(&m, mc_sip_scan(&m, buf, len), len, stream, &size);
    if (bad != MC_GATE_PASS) {
        return verdict(bad, stream ? MC_GATE_CLOSE : MC_GATE_DROP, 0, len);
    }
    if (size == 0) {
        return verdict(MC_GATE_PASS, MC_GATE_TAKE, 0, 0);
    }
    if (stream && limited && !mc_sources_take(&g->sources, from, MC_BUCKET_MESSAGES, now_us)) {
        return verdict(MC_GATE_RATE, MC_GATE_DROP, 0, size);
    }
    v = judge_new(g, judge_message(g, &m, buf, len, size), &m, from, limited, waited_us, now_us);
    v.call_id = m.call_id;
    v.opens = m.status == 0 && !m.in_dialog && is_method(m.method, "INVITE");
    return v;
}

static bool same_host(const struct sockaddr_storage *a, const struct sockaddr *b) {
    if (a->ss_family != b->sa_family) {
        return false;
    }
    return b->sa_family == AF_INET6
               ? memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr, &((const struct sockaddr_in6 *)b)->sin6_addr, 16) == 0
               : memcmp(&((const struct sockaddr_in *)a)->sin_addr, &((const struct sockaddr_in *)b)->sin_addr, 4) == 0;
}

/* Whoever is turned away is remembered, but for what is our own trouble. */
static void remember(struct mc_gate *g, enum mc_gate_reason reason, const struct sockaddr *from) {
    struct mc_gate_event *e = g->events, *end = g->events + g->n_events;

    if (reason == MC_GATE_PASS || reason == MC_GATE_DRAINING || reason == MC_GATE_OVERLOAD ||
        (from->sa_family != AF_INET && from->sa_family != AF_INET6)) {
        return;
    }
    for (; e < end && (e->reason != reason || !same_host(&e->from, from)); e++) {
    }
    if (e == end) {
        if (g->n_events == MC_GATE_MAX_EVENTS) {
            return;
        }
        *e = (struct mc_gate_event){.reason = reason};
        memcpy(&e->from, from, from->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
        g->n_events++;
    }
    e->n += e->n < UINT32_MAX;
}

void mc_gate_blame(struct mc_gate *g, enum mc_gate_reason reason, const struct sockaddr *from) {
    pthread_mutex_lock(&g->lock);
    remember(g, reason, from);
    pthread_mutex_unlock(&g->lock);
    __atomic_fetch_add(&g->n[reason], 1, __ATOMIC_RELAXED);
}

size_t mc_gate_events(struct mc_gate *g, struct mc_gate_event *out, size_t max) {
    size_t n;

    pthread_mutex_lock(&g->lock);
    n = g->n_events < max ? g->n_events : max;
    memcpy(out, g->events, n * sizeof *out);
    g->n_events -= n;
    memmove(g->events, g->events + n, g->n_events * sizeof *out);
    pthread_mutex_unlock(&g->lock);
    return n;
}

struct mc_gate_verdict mc_gate_judge(struct mc_gate *g, const char *buf, size_t len, bool stream, const struct sockaddr *from,
                                     uint64_t waited_us, uint64_t now_us) {
    struct mc_gate_verdict v;

    pthread_mutex_lock(&g->lock);
    v = judge(g, buf, len, stream, from, waited_us, now_us);
    remember(g, v.reason, from);
    pthread_mutex_unlock(&g->lock);
    if (v.size != 0 || !stream) {
        __atomic_fetch_add(&g->n[v.reason], 1, __ATOMIC_RELAXED);
    }
    return v;
}

size_t mc_gate_strip(char *buf, size_t len) {
    struct mc_sip_scan m;

    if (mc_sip_scan(&m, buf, len) != MC_OK) {
        return len;
    }
    for (size_t i = 0; i < m.length.len; i++) {
        buf[(size_t)(m.length.at - buf) + i] = '0';
    }
    return m.body;
}

size_t mc_gate_mend(char *buf, size_t len) {
    static const char uri[] = "sip:", version[] = " SIP/2.0";
    struct mc_sip_scan m;
    size_t fixed, at;

    if (mc_sip_scan(&m, buf, len) == MC_OK && m.status == 0) {
        fixed = m.method.len + 1 + (sizeof uri - 1) + (sizeof version - 1);
        at = (size_t)(m.line.at - buf) + m.method.len + 1;
        if (m.line.len > fixed) { /* METHOD sip:xxx SIP/2.0, as long as it was */
            memset(buf + at, 'x', m.line.len - m.method.len - 1);
            memcpy(buf + at, uri, (sizeof uri - 1));
            memcpy(buf + at + m.line.len - m.method.len - 1 - (sizeof version - 1), version, (sizeof version - 1));
        }
    }
    return mc_gate_strip(buf, len);
}
