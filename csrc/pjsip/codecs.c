/* SPDX-License-Identifier: GPL-3.0-or-later
 * Tells PJSIP which codecs stand in our SDP: those of the core, in its order, until Endpoint.codecSetPriority says otherwise (0
 * takes a codec out). It describes and never encodes. telephone-event is PJSIP's own. */
#include "../codec.h"
#include "pj_internal.h"

/* PJSIP writes G.722's clock as 8000 into SDP and asks for the codec of a settled stream by its real rate, 16000 (RFC 3551 section
 * 4.5.2 tells the story; PJMEDIA_HANDLE_G722_MPEG_BUG). */
static uint32_t clock_of(const pjmedia_codec_info *id) {
    return id->pt == PJMEDIA_RTP_PT_G722 ? mc_codec_g722.clock : id->clock_rate;
}

static const struct mc_codec *find(const pjmedia_codec_info *id) {
    for (const struct mc_codec *const *c = mc_codecs; *c; c++) {
        if (!pj_stricmp2(&id->encoding_name, (*c)->name) && clock_of(id) == (*c)->clock) {
            return *c;
        }
    }
    return NULL;
}

/* A static type (RFC 3551), or the first dynamic one, which PJSIP renumbers in each offer. */
static pj_uint8_t payload_type(const struct mc_codec *codec) {
    return codec->pt == MC_PT_NONE ? PJMEDIA_RTP_PT_DYNAMIC : codec->pt;
}

static pj_status_t test_alloc(pjmedia_codec_factory *factory, const pjmedia_codec_info *id) {
    return find(id) ? PJ_SUCCESS : PJMEDIA_CODEC_EUNSUP;
}

static void add_fmtp(pjmedia_codec_param *attr, const char *text) {
    attr->setting.dec_fmtp.param[attr->setting.dec_fmtp.cnt++].val = pj_str((char *)text);
}

static pj_status_t default_attr(pjmedia_codec_factory *factory, const pjmedia_codec_info *id, pjmedia_codec_param *attr) {
    const struct mc_codec *codec = find(id);

    if (!codec) {
        return PJMEDIA_CODEC_EUNSUP;
    }
    pj_bzero(attr, sizeof(*attr));
    attr->info.clock_rate = codec->clock;
    attr->info.channel_cnt = codec->channels;
    attr->info.frm_ptime = 10;
    attr->info.pcm_bits_per_sample = 16;
    attr->info.pt = payload_type(codec);
    attr->setting.frm_per_pkt = 2;
    if (codec->fmtp) { /* a parameter without a name is printed as it stands */
        add_fmtp(attr, codec->fmtp);
        if (mc_seam_get() && mc_seam_get()->ask[0]) {
            add_fmtp(attr, mc_seam_get()->ask);
        }
    }
    return PJ_SUCCESS;
}

static pj_status_t enum_info(pjmedia_codec_factory *factory, unsigned *count, pjmedia_codec_info infos[]) {
    unsigned n = 0;

    for (const struct mc_codec *const *c = mc_codecs; *c && n < *count; c++, n++) {
        pj_bzero(&infos[n], sizeof(infos[n]));
        infos[n].type = PJMEDIA_TYPE_AUDIO;
        infos[n].encoding_name = pj_str((char *)(*c)->name);
        infos[n].pt = payload_type(*c);
        infos[n].clock_rate = (*c)->clock;
        infos[n].channel_cnt = (*c)->channels;
    }
    *count = n;
    return PJ_SUCCESS;
}

static pj_status_t alloc_codec(pjmedia_codec_factory *factory, const pjmedia_codec_info *id, pjmedia_codec **p_codec) {
    return PJ_ENOTSUP;
}

static pj_status_t dealloc_codec(pjmedia_codec_factory *factory, pjmedia_codec *codec) {
    return PJ_ENOTSUP;
}

static pj_status_t destroy(void) {
    return PJ_SUCCESS;
}

static pjmedia_codec_factory_op factory_op = {
    .test_alloc = test_alloc,
    .default_attr = default_attr,
    .enum_info = enum_info,
    .alloc_codec = alloc_codec,
    .dealloc_codec = dealloc_codec,
    .destroy = destroy,
};

static pjmedia_codec_factory factory;

pj_status_t mc_codecs_register(pjmedia_endpt *endpt) {
    factory.op = &factory_op;
    return pjmedia_codec_mgr_register_factory(pjmedia_endpt_get_codec_mgr(endpt), &factory);
}

pj_status_t mc_codecs_unregister(pjmedia_endpt *endpt) {
    return pjmedia_codec_mgr_unregister_factory(pjmedia_endpt_get_codec_mgr(endpt), &factory);
}
