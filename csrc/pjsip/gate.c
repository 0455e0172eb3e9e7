/* SPDX-License-Identifier: GPL-3.0-or-later
 * Every message that PJSIP's transports read goes through the gate (gate.h) before PJSIP parses it; the linker's --wrap leads it
 * through here. Streams are cut into messages here too: PJSIP gets one at a time. */
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <time.h>

#include "../clock.h"
#include "../sip_bare.h"
#include "pj_internal.h"

static struct mc_gate_verdict pending; /* of the message that PJSIP has in hand */

static bool understood; /* PJSIP's parser took it */

void mc_gate_understood(void) {
    understood = true;
}

const struct mc_gate_verdict *mc_gate_pending(void) {
    return &pending;
}

pj_ssize_t __real_pjsip_tpmgr_receive_packet(pjsip_tpmgr *mgr, pjsip_rx_data *rdata);

/* How long the datagram lay in the socket; asked of those only that want a new call. */
static uint64_t waited_us(const pjsip_rx_data *rdata) {
    struct timespec stamp, now;
    int64_t us;

    if (pj_memcmp(rdata->pkt_info.packet, "INVITE ", 7) != 0 ||
        ioctl((int)pjsip_udp_transport_get_socket(rdata->tp_info.transport), SIOCGSTAMPNS, &stamp) < 0) {
        return 0;
    }
    clock_gettime(CLOCK_REALTIME, &now); /* the kernel's stamps are of that clock */
    us = (now.tv_sec - stamp.tv_sec) * 1000000 + (now.tv_nsec - stamp.tv_nsec) / 1000;
    return us > 0 ? (uint64_t)us : 0;
}

static void hand_over(pjsip_tpmgr *mgr, pjsip_rx_data *rdata, struct mc_gate_verdict v) {
    pending = v;
    understood = false;
    rdata->pkt_info.len = (pj_ssize_t)v.size;
    __real_pjsip_tpmgr_receive_packet(mgr, rdata);
    pending = (struct mc_gate_verdict){0};
}

/* Gives PJSIP the one message at the front of the packet buffer. A request with a header that its parser can't read it drops without
 * a word, so that the sender repeats it for half a minute: that gets 400 (RFC 3261 section 21.4.1). */
static void deliver(pjsip_tpmgr *mgr, pjsip_rx_data *rdata, struct mc_gate_verdict v) {
    char *packet = rdata->pkt_info.packet;

    if (v.action == MC_GATE_STRIP) {
        v.size = mc_gate_strip(packet, v.size);
    } else if (v.action == MC_GATE_REFUSE) {
        v.size = mc_gate_mend(packet, v.size);
    }
    hand_over(mgr, rdata, v);
    if (v.action == MC_GATE_TAKE && !understood && (v.size = mc_sip_bare(packet, v.size)) > 0) {
        mc_gate_blame(mc_gate_the(), MC_GATE_FLAWED, (const struct sockaddr *)&rdata->pkt_info.src_addr);
        v.reason = MC_GATE_FLAWED;
        v.action = MC_GATE_REFUSE;
        v.code = PJSIP_SC_BAD_REQUEST;
        v.call_id = (struct mc_span){0}; /* it has moved */
        hand_over(mgr, rdata, v);
    }
}

/* CRLFs (RFC 5626 section 3.5.1), or the NULs of Kamailio's nathelper: no message, and nobody's fault. */
static bool keeps_alive(const char *packet, size_t len) {
    size_t i = 0;

    for (; i < len && (packet[i] == '\r' || packet[i] == '\n' || packet[i] == '\0'); i++) {
    }
    return i == len;
}

static pj_ssize_t read_datagram(pjsip_tpmgr *mgr, pjsip_rx_data *rdata) {
    size_t len = (size_t)rdata->pkt_info.len;
    struct mc_gate_verdict v;

    if (keeps_alive(rdata->pkt_info.packet, len)) {
        return (pj_ssize_t)len;
    }
    v = mc_gate_judge(mc_gate_the(), rdata->pkt_info.packet, len, false, (const struct sockaddr *)&rdata->pkt_info.src_addr,
                      waited_us(rdata), mc_clock_us());
    mc_siptrace_heard(rdata, rdata->pkt_info.packet, &v);
    if (v.action != MC_GATE_DROP) {
        deliver(mgr, rdata, v);
    }
    return (pj_ssize_t)len;
}

/* PJSIP ends its timer of the first message when that has come, and starts the one of idle connections when a reference goes. A message
 * that nobody took one for (a stray ACK) would leave a connection without either, for ever. */
static void start_idle_timer(pjsip_transport *tp) {
    if (!pj_timer_entry_running(&tp->idle_timer) && pjsip_transport_add_ref(tp) == PJ_SUCCESS) {
        pjsip_transport_dec_ref(tp); /* starts it if that was the last one */
    }
}

/* Bytes of the buffer that were read; the rest is the beginning of a message. */
static size_t read_messages(pjsip_tpmgr *mgr, pjsip_rx_data *rdata, size_t len) {
    char *packet = rdata->pkt_info.packet;
    struct mc_gate_verdict v;
    size_t at = 0;
    char next;

    while (at < len) {
        if (len - at >= 4 && pj_memcmp(packet + at, "\r\n\r\n", 4) == 0) {
            mc_keep_alive_answer(mgr, rdata->tp_info.transport);
            at += 4;
            continue;
        }
        if (packet[at] == '\r' || packet[at] == '\n') { /* keep-alives (RFC 5626 section 3.5.1), and between messages */
            at++;
            continue;
        }
        v = mc_gate_judge(mc_gate_the(), packet + at, len - at, true, (const struct sockaddr *)&rdata->pkt_info.src_addr, 0,
                          mc_clock_us());
        if (v.action == MC_GATE_CLOSE) {
            pjsip_transport_shutdown2(rdata->tp_info.transport, PJ_TRUE);
            return len;
        }
        if (v.size == 0) {
            break;
        }
        mc_streams_goes_on(rdata->tp_info.transport);
        mc_siptrace_heard(rdata, packet + at, &v);
        if (v.action != MC_GATE_DROP) {
            pj_memmove(packet, packet + at, v.size);
            next = packet[v.size]; /* PJSIP ends the message with a NUL */
            deliver(mgr, rdata, v);
            packet[v.size] = next;
            start_idle_timer(rdata->tp_info.transport);
        }
        at += v.size;
    }
    return at;
}

static pj_ssize_t read_stream(pjsip_tpmgr *mgr, pjsip_rx_data *rdata) {
    pjsip_transport *tp = rdata->tp_info.transport;
    size_t len = (size_t)rdata->pkt_info.len, eaten = len;

    if (!tp->is_shutdown || tp->dir == PJSIP_TP_DIR_OUTGOING) { /* else we closed it: nothing more is heard */
        eaten = read_messages(mgr, rdata, len);
        rdata->pkt_info.len = (pj_ssize_t)len;
    }
    if (eaten < len) {
        mc_streams_waits(tp);
    } else {
        mc_streams_goes_on(tp);
    }
    return (pj_ssize_t)eaten;
}

pj_ssize_t __wrap_pjsip_tpmgr_receive_packet(pjsip_tpmgr *mgr, pjsip_rx_data *rdata) {
    if (rdata->pkt_info.len <= 0) {
        return -1;
    }
    return rdata->tp_info.transport->flag & PJSIP_TRANSPORT_DATAGRAM ? read_datagram(mgr, rdata) : read_stream(mgr, rdata);
}
