/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the files of csrc/pjsip share with each other. */
#ifndef MC_PJ_INTERNAL_H
#define MC_PJ_INTERNAL_H

#include <pjsua-lib/pjsua.h>
#include <pjsua-lib/pjsua_internal.h>

#include "../gate.h"
#include "../seam.h"
#include "srtp.h"

/* codecs.c: the factory that describes our codecs to PJSIP's SDP. */
pj_status_t mc_codecs_register(pjmedia_endpt *endpt);
pj_status_t mc_codecs_unregister(pjmedia_endpt *endpt);

/* sdp.c */
/* What the transport has to say in one of our media lines: rtcp-mux, ptime, comfort noise, the offer's numbers, hold. `remote`, `theirs`:
 * the offer and its media line; NULL: ours is one. a=ptime is what we ask for and send with: the remote's when it is 10, 20, 40 or
 * 60 ms, else the configured one, and not above its a=maxptime. */
void mc_sdp_complete(pj_pool_t *pool, pjmedia_sdp_media *m, const pjmedia_sdp_session *remote, const pjmedia_sdp_media *theirs,
                     bool rtcp_mux);
/* The ptime of what was settled: where the remote asks for nothing, what our own description says. */
unsigned mc_sdp_ptime_agreed(const pjmedia_sdp_media *local, const pjmedia_sdp_media *remote);
/* Where the offer gives a static payload type number to a codec that we have under a dynamic one (Asterisk: "10 L16/8000"), our
 * side takes the number over: PJSIP compares numbers below 96 and nothing else. */
void mc_sdp_follow_numbers(pj_pool_t *pool, pjmedia_sdp_media *local, const pjmedia_sdp_media *remote);
/* Payload type of telephone-event (RFC 4733) at this RTP clock, else at any, or MC_PT_NONE. */
uint8_t mc_sdp_event_pt(const pjmedia_sdp_media *m, uint32_t clock);
/* Payload type of comfort noise (RFC 3389) at this RTP clock, or 0. */
uint8_t mc_sdp_cn_pt(const pjmedia_sdp_media *m, uint32_t clock);
/* Adds it to one of our media lines, last in order: the static type, which is at 8 kHz (RFC 3551 table 4). */
void mc_sdp_add_cn(pj_pool_t *pool, pjmedia_sdp_media *m);
/* Copies the a=fmtp text of a payload type, "" when there is none or it does not fit. */
void mc_sdp_fmtp(const pjmedia_sdp_media *m, unsigned pt, char *out, size_t size);
/* RTP clock of a payload type from a=rtpmap, or `otherwise`. */
uint32_t mc_sdp_clock(const pjmedia_sdp_media *m, unsigned pt, uint32_t otherwise);

/* transport_udp.c: arrival time of the packet that is being delivered. Media worker. */
uint64_t mc_transport_now_us(void);
/* The one of ours at the bottom of this transport, below keying.c, or NULL. */
pjmedia_transport *mc_transport_bottom(pjmedia_transport *tp);
/* Of the one at the bottom; made when the first keys are there, gone with the transport. Sip thread. */
struct mc_srtp **mc_transport_srtp(pjmedia_transport *bottom);

/* Handshake packets go to this association (mc_dtls_post) from now on; 0: they are no packets at all. `peer`: the handshake is over, and
 * only its last flight may come again, from there; NULL: it is not. On the worker, or on the sip thread while nothing is attached. */
void mc_transport_dtls(pjmedia_transport *bottom, uint32_t handle, const pj_sockaddr *peer);
/* What comes is kept from now on, until `release` hands it over or another attach forgets it: a peer that has its keys speaks while
 * we take ours. Sip thread; release when the stream above hears. */
void mc_transport_hold(pjmedia_transport *bottom);
void mc_transport_release(pjmedia_transport *bottom);
int mc_transport_fd(pjmedia_transport *bottom);

/* `found`: where packets go from the next attach on, whatever SDP says. `on_stranger`: whoever is refused on the RTCP port, told before
 * it is refused (media worker). `on_gone`: the transport is about to be destroyed (sip thread). `leg`: whose packets are seen. Sip thread, while nothing is attached. */
void mc_transport_watch(pjmedia_transport *bottom, const pj_sockaddr *found, void (*on_stranger)(void *ctx),
                        void (*on_gone)(void *ctx, const pjmedia_transport *bottom), void *ctx, struct mc_leg *leg);
/* While attached, SDP was settled again: packets go there from now on. False: not an address of the kind that it has. Media worker. */
bool mc_transport_aim(pjmedia_transport *bottom, const pj_sockaddr *rtp, const pj_sockaddr *rtcp, const pj_sockaddr *found);
/* The RTCP packet that is being delivered is the peer's (after SRTP, well-formed): reports go where it came from. Media worker. */
void mc_transport_confirm_rtcp(void);

/* media_sock.c, sip thread */
/* Puts sockets on a port pair of ours in the place of those that PJSIP made, which are closed then. On failure nothing changed; the
 * status becomes 503 when all pairs are in use or rest. */
pj_status_t mc_media_sock_move(pjmedia_sock_info *si);
/* Whether a call could have a pair now; if not, *wait_s: the longest that one which is free again rests. */
bool mc_media_sock_spare(unsigned *wait_s);
/* What lay in the socket while nobody listened is from the past: it must not be taken for speech of now. */
void mc_media_sock_drain(pj_sock_t fd);
/* The sockets on `port` and above were closed. */
void mc_media_sock_rest(uint16_t port);
void mc_media_sock_stop(void);

/* keying.c: hands over what was negotiated for this transport. *srtp stays NULL when the call is plain; plain after it was secure,
 * or where SRTP is required, is an error. On the worker, or on the sip thread while no packet is under way. */
pj_status_t mc_srtp_negotiated(pjmedia_transport *tp, struct mc_srtp **srtp);
/* Whether keys were negotiated for this transport, or wait for a handshake. Sip thread. */
bool mc_srtp_is_on(pjmedia_transport *tp);
/* DTLS: the handshake is still to be done; it begins, with the peer there; what the worker knows it by (0: none); where
 * the peer is that it was done with (NULL: it is not). Sip thread, or the worker while that waits. */
bool mc_keying_waits(pjmedia_transport *tp);
void mc_keying_go(pjmedia_transport *tp, const pj_sockaddr *peer);
uint32_t mc_keying_handle(pjmedia_transport *tp);
const pj_sockaddr *mc_keying_peer(pjmedia_transport *tp);

/* audio.c, unkeyed.c: the handshake of a call has given keys, or has failed: then the call ends. Sip thread. */
void mc_audio_keyed(int call_id);
void mc_audio_unkeyed(int call_id, const char *why);
/* Whether the stream listens for a handshake. */
bool mc_audio_waits(int call_id);

/* leg_params.c */
void mc_leg_params_fill(struct mc_leg_params *p, const pjmedia_stream_info *si, const pjmedia_sdp_media *local,
                        const pjmedia_sdp_media *remote, bool secure);

/* wake.c */
int mc_wake_start(void);
void mc_wake_stop(void);

/* gate.c: what the gate said of the message that is being delivered. Sip thread. */
const struct mc_gate_verdict *mc_gate_pending(void);
/* It is read, and on its way through the modules. */
void mc_gate_understood(void);

/* streams.c: connections whose message does not end. Sip thread. */
int mc_streams_start(void);
void mc_streams_stop(void);
/* The connection waits for the rest of a message since now, unless it did before; it has come. */
void mc_streams_waits(pjsip_transport *tp);
void mc_streams_goes_on(pjsip_transport *tp);

/* keep_alive.c: a peer's ping, a double CRLF between two messages, gets its pong (RFC 5626 section 3.5.1), but for one that reads none, or
 * never sent a message. Sip thread. */
void mc_keep_alive_start(void);
void mc_keep_alive_answer(pjsip_tpmgr *mgr, pjsip_transport *tp);

/* held.c */
int mc_held_start(void);
void mc_held_stop(void);

/* unserved.c */
int mc_unserved_start(void);
void mc_unserved_stop(void);

/* next_hop.c */
int mc_next_hop_start(void);
void mc_next_hop_stop(void);
/* Whether this request goes where mc_pjsip_set_hop says. */
bool mc_next_hop_leads(const pjsip_msg *msg);
/* Number of the hop that it goes to, -1 = none. */
int mc_next_hop_number(const pjsip_msg *msg);

/* events.c */
void mc_events_start(void);

/* siptrace.c */
int mc_siptrace_start(void);
void mc_siptrace_stop(void);
/* A message came, v->size bytes of it; as it was on the wire. */
void mc_siptrace_heard(const pjsip_rx_data *rdata, const char *message, const struct mc_gate_verdict *v);

/* caps.c: the endpoint's headers claim what is served and nothing else. After libInit, before libStart. */
void mc_caps_tell_the_truth(void);

/* info.c */
int mc_info_start(void);
void mc_info_stop(void);

#endif
