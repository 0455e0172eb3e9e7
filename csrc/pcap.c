/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pcap.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include "bytes.h"
#include "err.h"

#define LINKTYPE_RAW 101
#define UDP 17

/* In the byte order of this machine, which the magic number tells. */
static void put32(uint8_t *out, uint32_t v) {
    memcpy(out, &v, sizeof v);
}

struct mc_pcap_end mc_pcap_end_of(const struct sockaddr *addr) {
    struct mc_pcap_end end = {.version = 0};

    if (addr->sa_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)addr;

        memcpy(end.addr, &four->sin_addr, 4);
        end.port = ntohs(four->sin_port);
        end.version = 4;
    } else if (addr->sa_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)addr;

        memcpy(end.addr, &six->sin6_addr, 16);
        end.port = ntohs(six->sin6_port);
        end.version = 6;
    }
    return end;
}

void mc_pcap_head(uint8_t out[MC_PCAP_HEAD]) {
    static const uint16_t version[2] = {2, 4};

    memset(out, 0, MC_PCAP_HEAD);
    put32(out, 0xa1b2c3d4); /* microseconds */
    memcpy(out + 4, version, sizeof version);
    put32(out + 16, 65535 + 16);
    put32(out + 20, LINKTYPE_RAW);
}

static uint32_t sum(uint32_t so_far, const uint8_t *bytes, size_t len) {
    uint64_t s = so_far;

    for (size_t i = 0; i + 1 < len; i += 2) {
        s += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    }
    if (len % 2 != 0) {
        s += (uint32_t)bytes[len - 1] << 8;
    }
    while (s >> 16 != 0) {
        s = (s & 0xffff) + (s >> 16);
    }
    return (uint32_t)s;
}

/* RFC 791 section 3.1:  ver/ihl, tos, length | id, fragment | ttl, protocol, checksum | src | dst */
static size_t ipv4(uint8_t *out, const struct mc_pcap_end *src, const struct mc_pcap_end *dst, size_t udp) {
    memset(out, 0, 20);
    out[0] = 0x45;
    mc_put16(out + 2, (uint16_t)(20 + udp));
    out[6] = 0x40; /* don't fragment */
    out[8] = 64;
    out[9] = UDP;
    memcpy(out + 12, src->addr, 4);
    memcpy(out + 16, dst->addr, 4);
    mc_put16(out + 10, (uint16_t)~sum(0, out, 20));
    return 20;
}

/* RFC 8200 section 3:  version | length, next, hops | src | dst */
static size_t ipv6(uint8_t *out, const struct mc_pcap_end *src, const struct mc_pcap_end *dst, size_t udp) {
    memset(out, 0, 8);
    out[0] = 0x60;
    mc_put16(out + 4, (uint16_t)udp);
    out[6] = UDP;
    out[7] = 64;
    memcpy(out + 8, src->addr, 16);
    memcpy(out + 24, dst->addr, 16);
    return 40;
}

/* RFC 768; over IPv6 it must be there (RFC 8200 section 8.1). */
static uint16_t checksum(const uint8_t *ip, bool six, const uint8_t *head, const uint8_t *payload, size_t len) {
    uint32_t s = six ? sum(0, ip + 8, 32) : sum(0, ip + 12, 8);
    uint16_t all;

    s = sum(s + UDP + 8 + (uint32_t)len, head, 8);
    all = (uint16_t)~sum(s, payload, len);
    return all != 0 ? all : 0xffff;
}

int mc_pcap_packet(uint8_t *out, uint64_t wall_us, const struct mc_pcap_end *src, const struct mc_pcap_end *dst,
                   const uint8_t *payload, size_t len, size_t kept) {
    bool six = src->version == 6 || dst->version == 6;
    uint8_t *ip = out + 16, *udp;
    size_t n_ip;

    if (len > MC_PCAP_MAX_PAYLOAD || kept > len || (six && (src->version == 4 || dst->version == 4))) {
        return MC_E_ARG;
    }
    n_ip = six ? ipv6(ip, src, dst, 8 + len) : ipv4(ip, src, dst, 8 + len);
    udp = ip + n_ip;
    mc_put16(udp, src->port);
    mc_put16(udp + 2, dst->port);
    mc_put16(udp + 4, (uint16_t)(8 + len));
    mc_put16(udp + 6, 0);
    mc_put16(udp + 6, checksum(ip, six, udp, payload, len));
    memcpy(udp + 8, payload, kept);
    put32(out, (uint32_t)(wall_us / 1000000));
    put32(out + 4, (uint32_t)(wall_us % 1000000));
    put32(out + 8, (uint32_t)(n_ip + 8 + kept));
    put32(out + 12, (uint32_t)(n_ip + 8 + len));
    return (int)(16 + n_ip + 8 + kept);
}
