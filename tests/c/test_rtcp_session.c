/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rtcp_session.h"

#include "check.h"
#include "err.h"
#include "rtcp_line.h"

static int find(const uint8_t *buf, size_t len, uint8_t type, struct mc_rtcp *out) {
    size_t at = 0;
    while (mc_rtcp_next(out, buf, len, &at)) {
        if (out->type == type) {
            return MC_OK;
        }
    }
    return MC_E_EMPTY;
}

/* To the 1/65536 s, whatever the clocks say and the delay is. */
static void round_trip(void) {
    static const uint64_t delays[] = {0, 1000, 15000, 150000, 480000};
    for (size_t i = 0; i < COUNT(delays); i++) {
        struct line *l = line_of(i, delays[i]);
        run(l, 30);
        /* Packets land in whole ticks here, with their own time. */
        CHECK(l->a.s.st.have_rtt && l->b.s.st.have_rtt);
        CHECK_BETWEEN(i, l->a.s.st.rtt_us, 2.0 * (double)delays[i] - 50, 2.0 * (double)delays[i] + 50);
        CHECK_BETWEEN(i, l->b.s.st.rtt_us, 2.0 * (double)delays[i] - 50, 2.0 * (double)delays[i] + 50);
        CHECK(l->a.s.st.rtt_max_us >= l->a.s.st.rtt_us);
        CHECK_INT(i, l->a.s.st.n_malformed, 0);
        free(l);
    }
}

/* What one receives the other knows: RFC 3550 section 6.4.1 and appendix A.3. */
static void loss_and_jitter_come_back(void) {
    struct line *l = line_of(7, 40000);
    run(l, 30);
    CHECK(l->a.s.st.have_report);
    CHECK_INT(0, l->a.s.st.remote_lost, 0);
    CHECK_BETWEEN(0, l->a.s.st.remote_fraction, 0, 0);
    l->lose_every = 10;
    run(l, 30);
    CHECK_BETWEEN(1, l->a.s.st.remote_lost, 110, 150);
    CHECK_BETWEEN(1, l->a.s.st.remote_fraction, 0.09, 0.11); /* of the last interval alone */
    CHECK_INT(1, l->b.s.st.remote_lost, 0);
    l->lose_every = 0;
    run(l, 30);
    CHECK_INT(2, l->a.s.st.remote_lost, mc_rx_stats_lost(&l->b.rx));
    CHECK_BETWEEN(2, l->a.s.st.remote_fraction, 0, 0);
    for (uint64_t n = l->b.n_reports; l->b.n_reports == n;) {
        l->b.rx.jitter = 80; /* as if: 10 ms at 8 kHz, less a sixteenth for the packet that comes yet */
        run(l, 0.02);
    }
    run(l, 0.1);
    CHECK_BETWEEN(3, l->a.s.st.remote_jitter_us, 9300, 10000);
    free(l);
}

static void report_says_what_was_sent(void) {
    struct line *l = line_of(3, 20000);
    struct mc_rtcp pkt;
    struct mc_rtcp_sender sr;
    struct mc_rtcp_report r;
    const char *cname;
    run(l, 20);
    CHECK_INT(0, mc_rtcp_check(l->a.last, l->a.last_len), MC_OK);
    CHECK_INT(0, find(l->a.last, l->a.last_len, MC_RTCP_SR, &pkt), MC_OK);
    CHECK_INT(0, mc_rtcp_sender(&pkt, &sr), MC_OK);
    CHECK_INT(0, sr.ntp >> 32, 1700000000 + 2208988800 + l->a.last_us / SECOND);
    CHECK_BETWEEN(0, (double)(sr.ntp & UINT32_MAX) / 4294967296.0, (double)(l->a.last_us % SECOND) / 1e6 - 1e-6,
                  (double)(l->a.last_us % SECOND) / 1e6 + 1e-6);
    CHECK_INT(0, sr.n_octets, 160 * sr.n_packets);
    CHECK_INT(0, sr.n_packets, (l->a.last_us - 1000 * SECOND) / TICK + 1);
    CHECK_INT(0, mc_rtcp_report(&pkt, 0, &r), MC_OK);
    CHECK_INT(0, r.ssrc, l->b.ssrc);
    CHECK(r.ext_seq > 65536); /* it wrapped */
    CHECK(r.lsr != 0);
    CHECK_INT(0, find(l->a.last, l->a.last_len, MC_RTCP_SDES, &pkt), MC_OK);
    CHECK_INT(0, mc_rtcp_cname(&pkt, l->a.ssrc, &cname), MC_RTCP_CNAME);
    CHECK(strncmp(l->a.s.cname, l->b.s.cname, MC_RTCP_CNAME) != 0);
    free(l);
}

/* SR while we send, RR from the second report after the last packet on (section 6.4); no report block before RTP came. */
static void sender_or_receiver(void) {
    struct line *l = line_of(9, 20000);
    struct mc_rtcp pkt;
    l->b.sends = false;
    run(l, 40);
    CHECK_INT(0, find(l->a.last, l->a.last_len, MC_RTCP_SR, &pkt), MC_OK);
    CHECK_INT(0, pkt.count, 0);
    CHECK_INT(0, find(l->b.last, l->b.last_len, MC_RTCP_RR, &pkt), MC_OK);
    CHECK_INT(0, pkt.count, 1);
    CHECK(l->a.s.st.have_rtt && !l->b.s.st.have_rtt); /* who sends no SR measures no round trip */
    l->a.sends = false;
    uint64_t stopped = l->a.n_reports;
    while (find(l->a.last, l->a.last_len, MC_RTCP_RR, &pkt) != MC_OK && l->a.n_reports < stopped + 5) {
        run(l, 1);
    }
    CHECK_INT(1, l->a.n_reports - stopped,
              3); /* two more SR: the RTP between the last two reports is "since the last but one" */
    l->a.sends = true;
    run(l, 8);
    CHECK_INT(2, find(l->a.last, l->a.last_len, MC_RTCP_SR, &pkt), MC_OK);
    free(l);
}

/* LSR is that of the source whose packets are reported on, whoever else sends reports. */
static void last_sr_of_the_source_alone(void) {
    static const struct {
        bool early; /* before our first report */
        bool theirs;
    } rows[] = {{true, true}, {true, false}, {false, true}, {false, false}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct line *l = line_of(51, 20000);
        uint8_t buf[64];
        struct mc_rtcp_out out = {.buf = buf, .size = sizeof buf};
        struct mc_rtcp_sender sr = {.ntp = UINT64_C(0x1234) << 16};
        struct mc_rtcp pkt;
        struct mc_rtcp_report r = {0};
        run(l, rows[i].early ? 0.1 : 20);
        l->b.n_landed = l->b.n_flying; /* nothing of b's own is under way */
        mc_rtcp_put_report(&out, rows[i].theirs ? l->b.ssrc : 0x7777, &sr, NULL, 0);
        CHECK_INT(i, mc_rtcp_session_packet(&l->a.s, buf, out.len, l->now_us), MC_OK);
        l->b.s.closed = true;
        for (uint64_t n = l->a.n_reports; l->a.n_reports == n;) {
            run(l, 0.02);
        }
        CHECK_INT(i, find(l->a.last, l->a.last_len, MC_RTCP_SR, &pkt), MC_OK);
        CHECK_INT(i, mc_rtcp_report(&pkt, 0, &r), MC_OK);
        CHECK_INT(i, r.lsr == 0x1234, rows[i].theirs);
        CHECK_INT(i, r.lsr != 0, rows[i].theirs || !rows[i].early);
        free(l);
    }
}

static void bye_once_and_not_from_the_silent(void) {
    struct line *l = line_of(11, 20000);
    uint8_t buf[MC_RTCP_MAX_BUILT];
    struct mc_rtcp pkt;
    uint32_t who = 0;
    struct mc_rtcp_ours ours = ours_of(&l->a);
    CHECK_INT(0, mc_rtcp_session_bye(&l->a.s, &ours, buf, sizeof buf, l->now_us), 0); /* never sent anything: section 6.3.7 */
    run(l, 10);
    ours = ours_of(&l->a);
    CHECK_INT(1, mc_rtcp_session_bye(&l->a.s, &ours, buf, 100, l->now_us), MC_E_SHORT);
    int n = mc_rtcp_session_bye(&l->a.s, &ours, buf, sizeof buf, l->now_us);
    CHECK(n > 0);
    CHECK_INT(2, mc_rtcp_check(buf, (size_t)n), MC_OK); /* SR and SDES are in front of it */
    CHECK_INT(2, find(buf, (size_t)n, MC_RTCP_BYE, &pkt), MC_OK);
    CHECK_INT(2, mc_rtcp_bye(&pkt, 0, &who), MC_OK);
    CHECK_INT(2, who, l->a.ssrc);
    CHECK_INT(3, mc_rtcp_session_bye(&l->a.s, &ours, buf, sizeof buf, l->now_us), 0);
    CHECK_INT(4, mc_rtcp_session_poll(&l->a.s, &ours, buf, sizeof buf, l->now_us + 100 * SECOND), 0);
    n = mc_rtcp_session_bye(&l->b.s, &ours, buf, sizeof buf, l->now_us);
    CHECK(!l->a.s.st.bye);
    take_off(l, &l->b, buf, n);
    l->now_us += l->delay_us;
    land(l, &l->b, &l->a);
    free(l);
}

static void bye_of_the_peer_alone_counts(void) {
    uint8_t buf[64];
    struct line *l = line_of(12, 20000);
    run(l, 10);
    for (int i = 0; i < 2; i++) {
        struct mc_rtcp_out out = {.buf = buf, .size = sizeof buf};
        uint32_t who = i == 0 ? 0x7777 : l->b.ssrc;
        mc_rtcp_put_report(&out, who, NULL, NULL, 0);
        mc_rtcp_put_bye(&out, who, "over");
        CHECK_INT(i, mc_rtcp_session_packet(&l->a.s, buf, out.len, l->now_us), MC_OK);
        CHECK_INT(i, l->a.s.st.bye, i);
    }
    free(l);
}

/* A report about us: whether it makes a round trip of it. */
static void only_answers_to_our_reports_count(void) {
    static const struct {
        const char *what;
        uint32_t other_ssrc;
        int32_t lsr_off, dlsr_off;
        bool rtt;
    } rows[] = {
        {"ours", 0, 0, 0, true},
        {"about somebody else", 1, 0, 0, false},
        {"LSR that we never sent", 0, 1, 0, false},
        {"DLSR a little too long", 0, 0, 655, true},
        {"DLSR far too long", 0, 0, 65536, false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct line *l = line_of(13, 0);
        l->b.sends = false;
        while (l->a.n_reports == 0) {
            run(l, 0.02);
        }
        struct mc_rtcp pkt;
        struct mc_rtcp_sender sr = {0};
        CHECK_INT(i, find(l->a.last, l->a.last_len, MC_RTCP_SR, &pkt), MC_OK);
        mc_rtcp_sender(&pkt, &sr);
        uint64_t when = l->a.last_us + SECOND;
        struct mc_rtcp_report r = {.ssrc = l->a.ssrc + rows[i].other_ssrc,
                                   .lsr = (uint32_t)(sr.ntp >> 16) + (uint32_t)rows[i].lsr_off,
                                   .dlsr = 65536 + (uint32_t)rows[i].dlsr_off};
        uint8_t buf[64];
        struct mc_rtcp_out out = {.buf = buf, .size = sizeof buf};
        mc_rtcp_put_report(&out, 0x5555, NULL, &r, 1);
        l->a.s.st.have_rtt = false;
        l->a.s.st.rtt_us = 1;
        CHECK_INT(i, mc_rtcp_session_packet(&l->a.s, buf, out.len, when), MC_OK);
        CHECK_INT(i, l->a.s.st.have_rtt, rows[i].rtt);
        CHECK_BETWEEN(i, l->a.s.st.rtt_us, 0, rows[i].rtt ? 40 : 1);
        free(l);
    }
}

/* The last four reports may be answered, none before them. */
static void late_answers(void) {
    for (int back = 0; back < 6; back++) {
        struct line *l = line_of(14, 0);
        struct mc_rtcp pkt;
        struct mc_rtcp_sender sr[6] = {{0}};
        l->b.s.closed = true;
        for (int i = 0; i < 6; i++) {
            for (uint64_t n = l->a.n_reports; l->a.n_reports == n;) {
                run(l, 0.02);
            }
            CHECK_INT(i, find(l->a.last, l->a.last_len, MC_RTCP_SR, &pkt), MC_OK);
            mc_rtcp_sender(&pkt, &sr[i]);
        }
        struct mc_rtcp_report r = {.ssrc = l->a.ssrc, .lsr = (uint32_t)(sr[5 - back].ntp >> 16)};
        uint8_t buf[64];
        struct mc_rtcp_out out = {.buf = buf, .size = sizeof buf};
        mc_rtcp_put_report(&out, 0x5555, NULL, &r, 1);
        CHECK_INT(back, mc_rtcp_session_packet(&l->a.s, buf, out.len, l->now_us), MC_OK);
        CHECK_INT(back, l->a.s.st.have_rtt, back < MC_RTCP_SRS);
        free(l);
    }
}

/* What a stranger, or a peer with a fault, may send: counted, and what is right in it is used. */
static void bad_packets_are_counted(void) {
    static const struct {
        const char *bytes;
        size_t n;
        int want;
    } rows[] = {
        {"\x80\xc9\x00\x02\x01\x02\x03\x04", 8, MC_E_SHORT},
        {"\x81\xc9\x00\x01\x01\x02\x03\x04", 8, MC_E_SHORT},                                    /* a block that isn't there */
        {"\x80\xc8\x00\x01\x01\x02\x03\x04", 8, MC_E_SHORT},                                    /* an SR without its middle */
        {"\x80\xc9\x00\x01\x01\x02\x03\x04\x81\xcb\x00\x00", 12, MC_E_SHORT},                   /* BYE of nobody */
        {"\x80\xc9\x00\x01\x01\x02\x03\x04\x80\xcf\x00\x02\1\2\3\4\7\0\0\x09", 20, MC_E_SHORT}, /* XR block too long */
        {"\x80\xc9\x00\x01\x01\x02\x03\x04\x80\xcf\x00\x02\1\2\3\4\x63\0\0\0", 20, MC_OK},      /* XR block unknown */
        {"\x80\xc9\x00\x01\x01\x02\x03\x04\x8c\xcc\x00\x00\x80\xce\x00\x01zzzz", 20, MC_OK},    /* APP, feedback */
        {"garbage!", 8, MC_E_FORMAT},
    };
    struct mc_rtcp_session_cfg cfg = {.seed = 1, .session_bps = BPS};
    struct mc_rtcp_session s;
    uint64_t n_bad = 0;
    mc_rtcp_session_init(&s, &cfg, 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t *copy = malloc(rows[i].n);
        memcpy(copy, rows[i].bytes, rows[i].n);
        CHECK_INT(i, mc_rtcp_session_packet(&s, copy, rows[i].n, 0), rows[i].want);
        n_bad += rows[i].want != MC_OK;
        CHECK_INT(i, s.st.n_malformed, n_bad);
        free(copy);
    }
    CHECK(!s.st.bye);
}

/* Another codec with another clock is another SSRC: the sum of what the peer lost goes on. */
static void loss_goes_on_over_a_new_ssrc(void) {
    struct line *l = line_of(21, 20000);
    l->lose_every = 10;
    run(l, 30);
    int64_t before = l->a.s.st.remote_lost;
    CHECK(before > 80);
    l->lose_every = 0;
    l->a.ssrc += 100;
    l->a.n_packets = 0;
    mc_rx_stats_init(&l->b.rx, CLOCK);
    mc_rtcp_session_ssrc(&l->a.s, l->a.ssrc, CLOCK);
    run(l, 20);
    CHECK_INT(0, l->a.s.st.remote_lost, before);
    CHECK_BETWEEN(0, l->a.s.st.remote_fraction, 0, 0);
    struct mc_rtcp pkt;
    CHECK_INT(0, find(l->a.last, l->a.last_len, MC_RTCP_SR, &pkt), MC_OK);
    free(l);
}

/* The peer's numbering began anew, and our counters with it: the next report is about what came since. */
static void a_restart_of_the_source(void) {
    struct line *l = line_of(22, 20000);
    run(l, 30);
    l->lose_every = 4;
    mc_rx_stats_init(&l->b.rx, CLOCK);
    mc_rtcp_session_restart(&l->b.s);
    for (uint64_t n = l->b.n_reports; l->b.n_reports == n;) {
        run(l, 0.02);
    }
    struct mc_rtcp pkt;
    struct mc_rtcp_report r = {0};
    CHECK_INT(0, find(l->b.last, l->b.last_len, MC_RTCP_SR, &pkt), MC_OK);
    CHECK_INT(0, mc_rtcp_report(&pkt, 0, &r), MC_OK);
    CHECK_BETWEEN(0, r.fraction, 56, 66);
    CHECK_BETWEEN(0, r.lost, 5, 80);
    free(l);
}

static void voip_metrics_cross(void) {
    struct line *l = line_of(31, 30000);
    struct mc_xr_voip voip = {.mos_cq = 41, .r_factor = 88, .gmin = MC_XR_GMIN};
    uint8_t buf[MC_RTCP_MAX_BUILT];
    run(l, 20);
    struct mc_rtcp_ours ours = ours_of(&l->a);
    ours.voip = &voip;
    int n = 0;
    while (n == 0) {
        l->now_us += TICK;
        n = mc_rtcp_session_poll(&l->a.s, &ours, buf, sizeof buf, l->now_us);
    }
    CHECK_INT(0, n,
              124); /* SR, CNAME, XR: what the timer takes for the size of the first one and less than MC_RTCP_MAX_BUILT */
    CHECK_INT(0, mc_rtcp_session_packet(&l->b.s, buf, (size_t)n, l->now_us + 30000), MC_OK);
    CHECK(l->b.s.st.have_xr);
    CHECK_INT(0, l->b.s.st.xr.mos_cq, 41);
    CHECK_INT(0, l->b.s.st.xr.r_factor, 88);
    CHECK_BETWEEN(0, l->b.s.st.xr.round_trip_ms, 59, 60);
    free(l);
}

/* 24 h: reports go every 5 s on average, nothing drifts, the round trip is as it was. */
static void a_day(void) {
    struct line *l = line_of(41, 50000);
    run(l, 86400);
    CHECK_BETWEEN(0, l->a.n_reports, 86400 / 5.2, 86400 / 4.8);
    CHECK_BETWEEN(0, l->a.s.st.rtt_us, 100000 - 50, 100000 + 50);
    CHECK_BETWEEN(0, l->a.s.st.rtt_max_us, 100000 - 50, 100000 + 50);
    CHECK_INT(0, l->a.s.st.remote_lost, 0);
    free(l);
}

int main(void) {
    RUN(round_trip);
    RUN(loss_and_jitter_come_back);
    RUN(report_says_what_was_sent);
    RUN(sender_or_receiver);
    RUN(last_sr_of_the_source_alone);
    RUN(bye_once_and_not_from_the_silent);
    RUN(bye_of_the_peer_alone_counts);
    RUN(only_answers_to_our_reports_count);
    RUN(late_answers);
    RUN(bad_packets_are_counted);
    RUN(loss_goes_on_over_a_new_ssrc);
    RUN(a_restart_of_the_source);
    RUN(voip_metrics_cross);
    RUN(a_day);
    return check_done();
}
