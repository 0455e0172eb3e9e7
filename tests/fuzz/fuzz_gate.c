/* SPDX-License-Identifier: GPL-3.0-or-later
 * Any bytes at the gate, as a datagram and as a stream: it says where the message ends, inside what came, and what it strips is whole. */
#include <netinet/in.h>

#include "../c/sip_text.h"
#include "fuzz.h"
#include "gate.h"

static const struct seed seeds[] __attribute__((unused)) = {
    SEED(SIP_REQUEST("INVITE", "Content-Type: application/sdp\r\nContent-Length: 170\r\n", SIP_SDP)),
    SEED("SIP/2.0 200 OK\r\n" SIP_DIALOG SIP_TO "CSeq: 1 INVITE\r\nl: 0\r\n\r\nOPTIONS"),
    SEED("\r\n" SIP_REQUEST("PUBLISH", "X: a\r\n b\r\nContent-Length: 4\r\nUser-Agent: scan\r\n", "v=0\n")),
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const scanners[] = {"scan"};
    static const struct mc_rate rates[MC_BUCKETS] = {{100, 100}, {1, 1}};
    static struct mc_gate g;
    struct sockaddr_in6 from = {.sin6_family = AF_INET6};
    static uint64_t now_us;
    static bool ready;

    if (!ready) {
        mc_gate_init(&g);
        mc_gate_rates(&g, 1, rates);
        mc_gate_overload(&g, 1000, 1);
        MUST(mc_gate_scanners(&g, scanners, 1) == MC_OK);
        ready = true;
    }
    now_us += 100000;
    for (int stream = 0; stream < 2; stream++) {
        struct mc_gate_verdict v = mc_gate_judge(&g, (const char *)data, size, stream, (const struct sockaddr *)&from, size,
                                                 now_us);
        MUST(v.size <= size && v.reason < MC_GATE_REASONS);
        MUST((v.reason == MC_GATE_PASS) == (v.action == MC_GATE_TAKE));
        if (v.action == MC_GATE_STRIP || v.action == MC_GATE_REFUSE) {
            char *copy = memcpy(malloc(v.size + 1), data, v.size);
            struct mc_sip_scan m;
            size_t n = v.action == MC_GATE_REFUSE ? mc_gate_mend(copy, v.size) : mc_gate_strip(copy, v.size);
            MUST(n <= v.size && mc_sip_scan(&m, copy, n) == MC_OK && m.body == n && m.content_length <= 0);
            free(copy);
        }
    }
    return 0;
}

FUZZ_MAIN(seeds)
