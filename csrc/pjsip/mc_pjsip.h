/* SPDX-License-Identifier: GPL-3.0-or-later
 * What Python calls of the seam's stack side, as functions of the module pjsua2. SWIG reads this file as it stands. */
#ifndef MC_PJSIP_H
#define MC_PJSIP_H

/* After Endpoint.libInit(), before libStart(), on the sip thread: registers the wake-up with PJSIP's ioqueue and the media
 * worker with PJLIB. Returns 0 or an MC_E_ value (MC_E_STATE: no seam is installed, or PJSIP is not initialised). */
int mc_pjsip_start(void);
/* Before Endpoint.libDestroy(), on the sip thread, when no call is left. */
void mc_pjsip_stop(void);

/* Makes a waiting Endpoint.libHandleEvents() return at once. Any thread, any time; touches nothing of PJSIP. */
void mc_pjsip_wake(void);

/* The ptime that offers ask for: 10, 20, 40 or 60 ms (20 unless set). Answers follow the offer's a=ptime when it is one of
 * those. Returns 0 or MC_E_ARG. */
int mc_pjsip_set_ptime(int ptime_ms);

/* RTP and RTCP ports of calls from now on: pairs (even, odd) in low ... high, one after the other. A pair rests for rest_ms after its
 * call before another one gets it; while none is left, calls get 503. Without this, ports are where PJSIP's account settings say.
 * After mc_pjsip_start(), before the first call. Returns 0, MC_E_ARG (not one pair lies in there) or MC_E_NOMEM. */
int mc_pjsip_set_media_ports(int low, int high, int rest_ms);
/* Pairs that calls could have now. */
int mc_pjsip_media_ports_left(void);

/* Where requests of an account go whose Route is <sip:hN.hop.invalid;lr;hide> (N = `hop`, 0-511). `name`: what TLS checks the
 * certificate against. `targets`: lines "udp|tcp|tls address port", best first, at most 8. Returns 0 or MC_E_ARG. Sip thread, like
 * all that follows; PJSIP itself looks no name up. */
int mc_pjsip_set_hop(int hop, const char *name, const char *targets);
/* A name that PJSIP wants to know, "id udp|tcp|tls port host" (port 0 = not given), each told once; "" when there is none. The text
 * stands until the next call. */
const char *mc_pjsip_next_question(void);
/* The answer, in the form of mc_pjsip_set_hop's targets; "" = there is no such host. */
void mc_pjsip_answer(int id, const char *targets);

/* How long a REGISTER or OPTIONS of ours waits for a first sign of life, 100-32000 ms; then it ends with 408. So long an INVITE of an
 * account or trunk waits, and is told then. Returns 0 or MC_E_ARG. */
int mc_pjsip_set_patience(int ms);
/* The call (PJSIP's id) whose INVITE nobody has answered in that time, not even with 100, each told once; -1 when there is none. */
int mc_pjsip_next_silent(void);

/* Seconds of silence after which an idle TCP or TLS connection gets a keep-alive (RFC 5626 section 4.4.1), 0 = never, of connections
 * that are made from now on. Returns 0 or MC_E_ARG. */
int mc_pjsip_set_keep_alive(int seconds);

/* The account (PJSIP's id) whose registration's connection is gone, each told once; -1 when there is none. */
int mc_pjsip_next_lost(void);
/* Of the message at this address (SipRxData.pjRxData): the number that OnTransportStateParam.hnd has for the connection that it came
 * by, and the PJSIP_TRANSPORT_ value of that, IPv6 included. 0 = unknown. */
unsigned long long mc_pjsip_connection(unsigned long long rdata);
int mc_pjsip_transport_type(unsigned long long rdata);

/* Of a call, by pjsua's id: the state of its INVITE session (PJSIP_INV_STATE_), DISCONNECTED when there is none or we hang up; whether the
 * peer takes no sound: it offered or answered sendonly or inactive, or c=0.0.0.0 (RFC 3264 section 8.4). */
int mc_pjsip_call_state(int call_id);
int mc_pjsip_peer_holds(int call_id);

/* The call whose dialog this is (RFC 3891 section 3): `to_tag` is ours, `from_tag` the peer's. PJSIP's call id; -1 = none. */
int mc_pjsip_find_call(const char *call_id, const char *to_tag, const char *from_tag);

/* The media transports that exist now: 0 when no call is left. */
int mc_pjsip_n_transports(void);

#endif
