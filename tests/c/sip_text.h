/* SPDX-License-Identifier: GPL-3.0-or-later
 * SIP messages for tests, written by hand. */
#ifndef SIP_TEXT_H
#define SIP_TEXT_H

#define SIP_DIALOG                                                                                                             \
    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\nMax-Forwards: 70\r\nFrom: <sip:a@192.0.2.1>;tag=1\r\n"                      \
    "Call-ID: c1\r\n"
#define SIP_TO "To: \"A <b>;tag=no\" <sip:b@192.0.2.2;tag=no>\r\n"
#define SIP_REQUEST(method, headers, body)                                                                                     \
    method " sip:b@192.0.2.2 SIP/2.0\r\n" SIP_DIALOG SIP_TO "CSeq: 1 " method "\r\n" headers "\r\n" body
#define SIP_SDP                                                                                                                \
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 101\r\n"                  \
    "a=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n"

#endif
