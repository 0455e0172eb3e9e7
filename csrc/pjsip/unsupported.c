/* SPDX-License-Identifier: GPL-3.0-or-later
 * The rest of what pjsua2 links to when the audio stream is not PJSIP's: conference bridge, players, recorders, sound devices,
 * text. We have none of them: every call says PJ_ENOTSUP, which pjsua2 raises as an Error, so no caller mistakes it for work
 * done. Choosing a sound device succeeds and opens none: pjsua does it before each call. */
#include "pj_internal.h"

#define REFUSED(function, ...)                                                                                                 \
    PJ_DEF(pj_status_t) function(__VA_ARGS__) {                                                                                \
        return PJ_ENOTSUP;                                                                                                     \
    }
#define SAYS(type, function, value, ...)                                                                                       \
    PJ_DEF(type) function(__VA_ARGS__) {                                                                                       \
        return value;                                                                                                          \
    }

/* streams: the media core's Leg has these */
REFUSED(pjsua_call_aud_stream_modify_codec_param, pjsua_call_id id, int med_idx, const pjmedia_codec_param *param)
REFUSED(pjsua_call_get_stream_info, pjsua_call_id id, unsigned med_idx, pjsua_stream_info *info)
REFUSED(pjsua_call_get_stream_stat, pjsua_call_id id, unsigned med_idx, pjsua_stream_stat *stat)
REFUSED(pjsua_call_dial_dtmf, pjsua_call_id id, const pj_str_t *digits)
REFUSED(pjsua_call_dial_dtmf2, pjsua_call_id id, const pj_str_t *digits, unsigned duration)

/* real-time text */
REFUSED(pjsua_call_send_text, pjsua_call_id id, const pjsua_call_send_text_param *param)

pj_status_t pjsua_txt_channel_update(pjsua_call_media *call_med, pj_pool_t *pool, pjmedia_txt_stream_info *si,
                                     const pjmedia_sdp_session *local, const pjmedia_sdp_session *remote) {
    return si->dir == PJMEDIA_DIR_NONE ? PJ_SUCCESS : PJ_ENOTSUP;
}

void pjsua_txt_stop_stream(pjsua_call_media *call_med) {
}

/* conference bridge */
PJ_DEF(void) pjsua_conf_connect_param_default(pjsua_conf_connect_param *param) {
    pj_bzero(param, sizeof(*param));
}

SAYS(unsigned, pjsua_conf_get_max_ports, 0, void)
SAYS(unsigned, pjsua_conf_get_active_ports, 0, void)
REFUSED(pjsua_conf_add_port, pj_pool_t *pool, pjmedia_port *port, pjsua_conf_port_id *id)
REFUSED(pjsua_conf_remove_port, pjsua_conf_port_id id)
REFUSED(pjsua_conf_connect, pjsua_conf_port_id source, pjsua_conf_port_id sink)
REFUSED(pjsua_conf_connect2, pjsua_conf_port_id source, pjsua_conf_port_id sink, const pjsua_conf_connect_param *param)
REFUSED(pjsua_conf_disconnect, pjsua_conf_port_id source, pjsua_conf_port_id sink)
REFUSED(pjsua_conf_adjust_tx_level, pjsua_conf_port_id id, float level)
REFUSED(pjsua_conf_adjust_rx_level, pjsua_conf_port_id id, float level)
REFUSED(pjsua_conf_get_signal_level, pjsua_conf_port_id id, unsigned *tx, unsigned *rx)
REFUSED(pjsua_conf_get_port_info, pjsua_conf_port_id id, pjsua_conf_port_info *info)

PJ_DEF(pj_status_t) pjsua_enum_conf_ports(pjsua_conf_port_id ids[], unsigned *count) {
    *count = 0;
    return PJ_SUCCESS;
}

/* players and recorders */
REFUSED(pjsua_player_create, const pj_str_t *file, unsigned options, pjsua_player_id *id)
REFUSED(pjsua_playlist_create, const pj_str_t files[], unsigned n, const pj_str_t *label, unsigned options, pjsua_player_id *id)
SAYS(pjsua_conf_port_id, pjsua_player_get_conf_port, PJSUA_INVALID_ID, pjsua_player_id id)
REFUSED(pjsua_player_get_port, pjsua_player_id id, pjmedia_port **port)
REFUSED(pjsua_player_get_info, pjsua_player_id id, pjmedia_wav_player_info *info)
SAYS(pj_ssize_t, pjsua_player_get_pos, -PJ_ENOTSUP, pjsua_player_id id)
REFUSED(pjsua_player_set_pos, pjsua_player_id id, pj_uint32_t samples)
REFUSED(pjsua_player_destroy, pjsua_player_id id)
REFUSED(pjsua_recorder_create, const pj_str_t *file, unsigned enc, void *enc_param, pj_ssize_t size, unsigned options,
        pjsua_recorder_id *id)
SAYS(pjsua_conf_port_id, pjsua_recorder_get_conf_port, PJSUA_INVALID_ID, pjsua_recorder_id id)
REFUSED(pjsua_recorder_destroy, pjsua_recorder_id id)

/* sound devices */
PJ_DEF(pj_status_t) pjsua_enum_aud_devs(pjmedia_aud_dev_info infos[], unsigned *count) {
    *count = 0;
    return PJ_SUCCESS;
}

PJ_DEF(void) pjsua_snd_dev_param_default(pjsua_snd_dev_param *param) {
    pj_bzero(param, sizeof(*param));
    param->capture_dev = PJSUA_SND_NULL_DEV;
    param->playback_dev = PJSUA_SND_NULL_DEV;
}

SAYS(pj_status_t, pjsua_set_null_snd_dev, PJ_SUCCESS, void)
SAYS(pjmedia_port *, pjsua_set_no_snd_dev, NULL, void)
SAYS(pj_bool_t, pjsua_snd_is_active, PJ_FALSE, void)
SAYS(pj_status_t, pjsua_set_snd_dev, PJ_SUCCESS, int capture, int playback)
SAYS(pj_status_t, pjsua_set_snd_dev2, PJ_SUCCESS, const pjsua_snd_dev_param *param)
REFUSED(pjsua_get_snd_dev, int *capture, int *playback)
REFUSED(pjsua_get_snd_dev2, pjsua_snd_dev_param *param)
REFUSED(pjsua_set_ec, unsigned tail_ms, unsigned options)
REFUSED(pjsua_get_ec_tail, unsigned *tail_ms)
REFUSED(pjsua_snd_set_setting, pjmedia_aud_dev_cap cap, const void *value, pj_bool_t keep)
REFUSED(pjsua_snd_get_setting, pjmedia_aud_dev_cap cap, void *value)
REFUSED(pjsua_ext_snd_dev_create, pjmedia_snd_port_param *param, pjsua_ext_snd_dev **snd)
REFUSED(pjsua_ext_snd_dev_destroy, pjsua_ext_snd_dev *snd)
SAYS(pjsua_conf_port_id, pjsua_ext_snd_dev_get_conf_port, PJSUA_INVALID_ID, pjsua_ext_snd_dev *snd)
