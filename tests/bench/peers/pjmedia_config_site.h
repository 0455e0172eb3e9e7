/* SPDX-License-Identifier: GPL-3.0-or-later
 * PJSIP with its own media stack, the peer of our benchmarks (scripts/pjsip --with-pjmedia): its stream, jitter buffer and
 * conference bridge as upstream sets them. Only the limits are raised, as a user with a thousand calls would; no codec but
 * G.711 and no echo canceller or resampler, which the release that Debian carries comes without. */

#define PJMEDIA_HAS_VIDEO 0
#define PJMEDIA_RESAMPLE_IMP PJMEDIA_RESAMPLE_NONE /* all runs at 8 kHz */
#define PJMEDIA_HAS_G711_CODEC 1
#define PJMEDIA_HAS_L16_CODEC 0
#define PJMEDIA_HAS_GSM_CODEC 0
#define PJMEDIA_HAS_SPEEX_CODEC 0
#define PJMEDIA_HAS_ILBC_CODEC 0
#define PJMEDIA_HAS_G722_CODEC 0
#define PJMEDIA_HAS_G7221_CODEC 0
#define PJMEDIA_HAS_OPENCORE_AMRNB_CODEC 0
#define PJMEDIA_HAS_SPEEX_AEC 0
#define PJMEDIA_SRTP_HAS_DTLS 0
#define srtp_aes_gcm_128_openssl srtp_aes_gcm_128 /* what libsrtp 2.5 calls its ciphers */
#define srtp_aes_gcm_256_openssl srtp_aes_gcm_256

#define PJSUA_MAX_CALLS 1024
#define PJSUA_MAX_CONF_PORTS 2100 /* a call is two ports of the bridge: its stream and Python's */
#define PJSUA_MAX_ACC 4
#define PJSUA_MAX_BUDDIES 4
#define PJ_IOQUEUE_MAX_HANDLES 4096 /* RTP and RTCP of each call */
#define PJ_IOQUEUE_MAX_EVENTS_IN_SINGLE_POLL 64
#define PJSIP_MAX_TSX_COUNT (16 * 1024 - 1)
#define PJSIP_MAX_DIALOG_COUNT (16 * 1024 - 1)
#define PJSIP_UDP_SO_RCVBUF_SIZE (4 * 1024 * 1024)

#define PJ_LOG_MAX_LEVEL 3
#define PJ_ENABLE_EXTRA_CHECK 1
