/* SPDX-License-Identifier: GPL-3.0-or-later
 * Any bytes before a secret: nothing but x is written over what came, and the secret behind it is always hidden. */
#include "../c/sip_text.h"
#include "fuzz.h"
#include "siptrace.h"

static const struct seed seeds[] __attribute__((unused)) = {
    SEED(SIP_REQUEST("INVITE", "Proxy-Authorization : Digest username=\"a\",\r\n response = \"01ab\" ,qop=auth\r\n", SIP_SDP)),
    SEED(
        "INVITE sip:600:pa:ss@h SIP/2.0\r\nTo: <sips:a:p@ss@[2001:db8::1]:5061>, <tel:1:2@x>\r\nAuthorization: Bearer\r\n a.b"),
    SEED("v=0\r\nk=clear:x\r\na=key-mgmt:mikey AQ\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA|2^20;inline:BB|1:4\r\n"),
    SEED("Authentication-Info: rspauth=\"0\", nextnonce=\"n\"\r\n\r\n@@@@:sip:::@@"),
};

static const char tail[] =
    "\r\nAuthorization: Digest username=\"u\", response=\"S3CRET\"\r\na=crypto:1 X inline:S3CRET|2^20\r\n"
    "To: <sip:u:S3CRET@h>\r\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t n = size + sizeof tail - 1;
    char *text = malloc(n);

    memcpy(text, data, size);
    memcpy(text + size, tail, sizeof tail - 1);
    mc_siptrace_hide(text, n);
    for (size_t i = 0; i < size; i++) {
        MUST(text[i] == (char)data[i] || text[i] == 'x');
    }
    for (size_t i = size; i + 6 <= n; i++) {
        MUST(memcmp(text + i, "S3CRET", 6) != 0);
    }
    free(text);
    return 0;
}

FUZZ_MAIN(seeds)
