/* SPDX-License-Identifier: GPL-3.0-or-later
 * PJSIP's compile-time settings. scripts/pjsip copies this file to pjlib/include/pj/config_site.h; its text is part of the
 * cache's key, so a change here builds PJSIP anew. */

/* Signalling, SDP and SRTP are PJSIP's; the audio stream is ours (csrc/pjsip). */
#define PJSUA_MEDIA_HAS_PJMEDIA 0
#define PJMEDIA_HAS_VIDEO 0
#define PJMEDIA_HAS_LEGACY_SOUND_API 0
#define PJMEDIA_RESAMPLE_IMP PJMEDIA_RESAMPLE_NONE
#define PJMEDIA_HAS_G711_CODEC 0
#define PJMEDIA_HAS_ALAW_ULAW_TABLE 0
#define PJMEDIA_HAS_L16_CODEC 0
#define PJMEDIA_HAS_GSM_CODEC 0
#define PJMEDIA_HAS_SPEEX_CODEC 0
#define PJMEDIA_HAS_ILBC_CODEC 0
#define PJMEDIA_HAS_G722_CODEC 0
#define PJMEDIA_HAS_G7221_CODEC 0
#define PJMEDIA_HAS_OPENCORE_AMRNB_CODEC 0
#define PJMEDIA_HAS_SPEEX_AEC 0
#define PJMEDIA_HAS_RTCP_XR 0

/* Size. The stock values stop at 4 calls and 64 sockets, and clamp silently what is asked beyond. */
#define PJSUA_MAX_CALLS 8192 /* = MC_SEAM_MAX_CALLS; memory is taken for UaConfig.maxCalls only */
#define PJSUA_MAX_ACC 256
#define PJSUA_MAX_BUDDIES 4
#define PJ_IOQUEUE_MAX_HANDLES 8192 /* TCP and TLS connections; media sockets are the core's */
#define PJ_IOQUEUE_MAX_EVENTS_IN_SINGLE_POLL 64
#define PJSIP_MAX_TSX_COUNT (64 * 1024 - 1)
#define PJSIP_MAX_DIALOG_COUNT (64 * 1024 - 1)
#define PJSIP_UDP_SO_RCVBUF_SIZE (4 * 1024 * 1024)
#define PJSIP_UDP_SO_SNDBUF_SIZE (4 * 1024 * 1024)
#define PJSIP_MAX_PKT_LEN 8000 /* longest message; every message sent takes a buffer of this size until its transaction ends */

/* SDP: no more lines than a call can need. */
#define PJMEDIA_MAX_SDP_MEDIA 4
#define PJMEDIA_ADD_BANDWIDTH_TIAS_IN_SDP 0      /* the factory's rates only describe; they are no limit to announce */
#define PJMEDIA_TELEPHONE_EVENT_ALL_CLOCKRATES 1 /* RFC 4733 section 2.1: the event's clock is the codec's */

/* SRTP: keys by SDES (RFC 4568), AES-CM and AES-GCM (RFC 7714), on OpenSSL. */
#define PJMEDIA_SRTP_HAS_SDES 1
#define PJMEDIA_SRTP_HAS_DTLS 0
#define PJMEDIA_SRTP_HAS_AES_GCM_128 1
#define PJMEDIA_SRTP_HAS_AES_GCM_256 1
#define srtp_aes_gcm_128_openssl srtp_aes_gcm_128 /* what libsrtp 2.5 calls its ciphers */
#define srtp_aes_gcm_256_openssl srtp_aes_gcm_256

#define PJ_HAS_IPV6 1
#define PJ_LOG_MAX_LEVEL 4      /* level 5 prints SRTP keys */
#define PJ_ENABLE_EXTRA_CHECK 1 /* argument checks stay, also with NDEBUG */
