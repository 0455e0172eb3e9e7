/* SPDX-License-Identifier: GPL-3.0-or-later
 * Where SIP messages are seen for csrc/siptrace.h: what came in at the gate, before anybody changed it; what goes out behind PJSIP's
 * printer, before TLS. */
#include "../siptrace.h"
#include "../clock.h"
#include "../err.h"
#include "pj_internal.h"

static uint8_t transport_of(const pjsip_transport *tp) {
    int type = (int)tp->key.type & ~PJSIP_TRANSPORT_IPV6;

    return type == PJSIP_TRANSPORT_TLS ? MC_SIPTRACE_TLS : type == PJSIP_TRANSPORT_TCP ? MC_SIPTRACE_TCP : MC_SIPTRACE_UDP;
}

/* Ours: where a socket that listens on all addresses was reached can't be known, so it is what it calls itself. */
static struct mc_pcap_end local_end(const pjsip_transport *tp) {
    pj_sockaddr named;

    if (!pj_sockaddr_has_addr(&tp->local_addr) && pj_sockaddr_init(tp->local_addr.addr.sa_family, &named, &tp->local_name.host,
                                                                   (pj_uint16_t)tp->local_name.port) == PJ_SUCCESS) {
        return mc_pcap_end_of((const struct sockaddr *)&named);
    }
    return mc_pcap_end_of((const struct sockaddr *)&tp->local_addr);
}

static void stamp(struct mc_siptrace_msg *msg) {
    msg->mono_us = mc_clock_us();
    msg->wall_us = msg->mono_us + (uint64_t)mc_clock_wall_us();
}

void mc_siptrace_heard(const pjsip_rx_data *rdata, const char *message, const struct mc_gate_verdict *v) {
    const pjsip_transport *tp = rdata->tp_info.transport;
    struct mc_siptrace_msg msg = {.len = (uint32_t)v->size, .verdict = (uint8_t)v->reason};

    if (v->call_id.len == 0) {
        return;
    }
    stamp(&msg);
    msg.transport = transport_of(tp);
    msg.src = mc_pcap_end_of((const struct sockaddr *)&rdata->pkt_info.src_addr);
    msg.dst = local_end(tp);
    mc_siptrace_put(mc_siptrace_the(), v->call_id,
                    v->opens && v->action != MC_GATE_DROP ? MC_SIPTRACE_STRANGER : MC_SIPTRACE_KNOWN, "", &msg, message);
}

/* Requests of ours begin what they belong to, and those of an account or a trunk are its own; answers never do. */
static enum mc_siptrace_kind kind_of(const pjsip_msg *msg, char owner[MC_SIPTRACE_OWNER]) {
    const pjsip_method *method = &msg->line.req.method;
    int hop;

    if (msg->type != PJSIP_REQUEST_MSG || method->id == PJSIP_ACK_METHOD || method->id == PJSIP_BYE_METHOD ||
        method->id == PJSIP_CANCEL_METHOD) {
        return MC_SIPTRACE_KNOWN;
    }
    if (method->id == PJSIP_INVITE_METHOD) {
        return MC_SIPTRACE_STRANGER; /* until its call says that it is its own */
    }
    if (method->id != PJSIP_REGISTER_METHOD && method->id != PJSIP_OPTIONS_METHOD) {
        return MC_SIPTRACE_KNOWN;
    }
    hop = mc_next_hop_number(msg);
    if (hop >= 0) {
        pj_ansi_snprintf(owner, MC_SIPTRACE_OWNER, "hop:%d", hop);
    }
    return MC_SIPTRACE_PEER;
}

static pj_status_t on_sent(pjsip_tx_data *tdata) {
    const pjsip_cid_hdr *id = PJSIP_MSG_CID_HDR(tdata->msg);
    const pjsip_transport *tp = tdata->tp_info.transport;
    struct mc_siptrace_msg msg = {.len = (uint32_t)(tdata->buf.cur - tdata->buf.start), .sent = true};
    char owner[MC_SIPTRACE_OWNER] = "";
    enum mc_siptrace_kind kind;

    if (!id || !tp || id->id.slen <= 0) {
        return PJ_SUCCESS;
    }
    kind = kind_of(tdata->msg, owner);
    stamp(&msg);
    msg.transport = transport_of(tp);
    msg.src = local_end(tp);
    msg.dst = mc_pcap_end_of((const struct sockaddr *)&tdata->tp_info.dst_addr);
    mc_siptrace_put(mc_siptrace_the(), (struct mc_span){id->id.ptr, (size_t)id->id.slen}, kind, owner, &msg, tdata->buf.start);
    return PJ_SUCCESS;
}

static pjsip_module tap = {.id = -1};

int mc_siptrace_start(void) {
    pj_bzero(&tap, sizeof(tap)); /* PJSIP keeps its links in it; none of a former run may stay */
    tap.name = pj_str("mod-mc-siptrace");
    tap.id = -1;
    tap.priority = PJSIP_MOD_PRIORITY_TRANSPORT_LAYER - 1; /* behind the printer */
    tap.on_tx_request = on_sent;
    tap.on_tx_response = on_sent;
    return pjsip_endpt_register_module(pjsua_var.endpt, &tap) == PJ_SUCCESS ? MC_OK : MC_E_STATE;
}

void mc_siptrace_stop(void) {
    if (tap.id >= 0) {
        pjsip_endpt_unregister_module(pjsua_var.endpt, &tap);
    }
    tap.id = -1;
}
