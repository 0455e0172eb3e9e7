# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of PJSIP's generated module that signalling uses. Every call of it belongs to the sip thread, but mc_pjsip_wake."""

from typing import Any

PJSIP_TRANSPORT_UDP: int
PJSIP_TRANSPORT_TCP: int
PJSIP_TRANSPORT_TLS: int
PJSIP_TRANSPORT_UDP6: int
PJSIP_TRANSPORT_TCP6: int
PJSIP_TRANSPORT_TLS6: int
PJSUA_INVALID_ID: int
PJSUA_IPV6_DISABLED: int
PJSUA_IPV6_ENABLED_USE_IPV6_ONLY: int
PJSUA_100REL_NOT_USED: int
PJSUA_SIP_TIMER_OPTIONAL: int
PJSUA_SIP_TIMER_INACTIVE: int
PJSUA_SIP_TIMER_ALWAYS: int
PJSUA_SIP_TIMER_REQUIRED: int
PJSUA_100REL_OPTIONAL: int
PJSUA_100REL_MANDATORY: int
PJSUA_CALL_NO_SDP_OFFER: int
PJMEDIA_SRTP_DISABLED: int
PJMEDIA_SRTP_OPTIONAL: int
PJMEDIA_SRTP_MANDATORY: int
PJMEDIA_SRTP_KEYING_SDES: int
PJMEDIA_SRTP_KEYING_DTLS_SRTP: int
PJSUA_CALL_UNHOLD: int
PJSUA_CALL_UPDATE_CONTACT: int
PJSUA_CALL_REINIT_MEDIA: int
PJSIP_REDIRECT_STOP: int
PJSIP_REDIRECT_ACCEPT: int
PJSIP_REDIRECT_REJECT: int
PJSIP_CRED_DATA_PLAIN_PASSWD: int
PJSUA_DESTROY_NO_NETWORK: int

def mc_pjsip_start() -> int: ...
def mc_pjsip_stop() -> None: ...
def mc_pjsip_wake() -> None: ...
def mc_pjsip_set_ptime(ptime_ms: int) -> int: ...
def mc_pjsip_set_media_ports(low: int, high: int, rest_ms: int) -> int: ...
def mc_pjsip_media_ports_left() -> int: ...
def mc_pjsip_n_transports() -> int: ...
def mc_pjsip_set_hop(hop: int, name: str, targets: str) -> int: ...
def mc_pjsip_next_question() -> str: ...
def mc_pjsip_answer(id: int, targets: str) -> None: ...
def mc_pjsip_set_patience(ms: int) -> int: ...
def mc_pjsip_next_lost() -> int: ...
def mc_pjsip_next_silent() -> int: ...
def mc_pjsip_set_keep_alive(seconds: int) -> int: ...
def mc_pjsip_connection(rdata: int) -> int: ...
def mc_pjsip_transport_type(rdata: int) -> int: ...
def mc_pjsip_call_state(call_id: int) -> int: ...
def mc_pjsip_peer_holds(call_id: int) -> int: ...
def mc_pjsip_find_call(call_id: str, to_tag: str, from_tag: str) -> int: ...

class Error(Exception):
    status: int
    title: str
    reason: str
    def info(self, multi_line: bool = False) -> str: ...

class StringVector(list[str]): ...
class SipHeaderVector(list["SipHeader"]): ...
class AuthCredInfoVector(list["AuthCredInfo"]): ...

class SipHeader:
    hName: str
    hValue: str

class SipTxOption:
    headers: SipHeaderVector
    targetUri: str
    localUri: str
    contentType: str
    msgBody: str

class SipRxData:
    info: str
    wholeMsg: str
    srcAddress: str
    pjRxData: int

class SipTransaction:
    pjTransaction: int
    role: int
    method: str
    statusCode: int
    statusText: str
    state: int

class TsxStateEventSrc:
    rdata: SipRxData

class TsxStateEvent:
    src: TsxStateEventSrc
    tsx: SipTransaction
    prevState: int
    type: int

class SipEventBody:
    tsxState: TsxStateEvent

class SipEvent:
    type: int
    body: SipEventBody

PJSIP_EVENT_TSX_STATE: int
PJSIP_EVENT_RX_MSG: int
PJSIP_ROLE_UAS: int

class UaConfig:
    maxCalls: int
    threadCnt: int
    mainThreadOnly: bool
    nameserver: StringVector
    userAgent: str
    natTypeInSdp: int

class LogConfig:
    msgLogging: int
    level: int
    consoleLevel: int
    decor: int
    filename: str

class MediaConfig:
    hasIoqueue: bool
    threadCnt: int
    noVad: bool

class EpConfig:
    uaConfig: UaConfig
    logConfig: LogConfig
    medConfig: MediaConfig

class TlsConfig:
    CaListFile: str
    certFile: str
    privKeyFile: str
    verifyServer: bool
    verifyClient: bool
    requireClientCert: bool
    proto: int

class TransportConfig:
    port: int
    boundAddress: str
    publicAddress: str
    tlsConfig: TlsConfig

class TransportInfo:
    id: int
    info: str
    localAddress: str
    localName: str

class CodecInfo:
    codecId: str
    priority: int

class OnRejectedIncomingCallParam:
    callId: int
    remoteInfo: str
    statusCode: int
    reason: str

PJSIP_TP_STATE_CONNECTED: int

class SslCertName:
    type: int
    name: str

class SslCertNameVector(list[SslCertName]): ...

class SslCertInfo:
    subjectCn: str
    subjectAltName: SslCertNameVector
    def isEmpty(self) -> bool: ...

class TlsInfo:
    remoteCertInfo: SslCertInfo
    verifyStatus: int
    def isEmpty(self) -> bool: ...

class OnTransportStateParam:
    hnd: int
    type: str
    state: int
    tlsInfo: TlsInfo

class OnSelectAccountParam:
    rdata: SipRxData
    accountIndex: int

class Endpoint:
    def libCreate(self) -> None: ...
    def libInit(self, config: EpConfig) -> None: ...
    def libStart(self) -> None: ...
    def libHandleEvents(self, msec_timeout: int) -> int: ...
    def libDestroy(self, flags: int = 0) -> None: ...
    def transportCreate(self, kind: int, config: TransportConfig) -> int: ...
    def transportGetInfo(self, transport: int) -> TransportInfo: ...
    def codecEnum2(self) -> list[CodecInfo]: ...
    def codecSetPriority(self, codec: str, priority: int) -> None: ...
    def onRejectedIncomingCall(self, prm: OnRejectedIncomingCallParam) -> None: ...
    def onSelectAccount(self, prm: OnSelectAccountParam) -> None: ...

class AuthCredInfo:
    def __init__(self, scheme: str, realm: str, username: str, data_type: int, data: str) -> None: ...

class AccountRegConfig:
    registrarUri: str
    registerOnAdd: bool
    timeoutSec: int
    retryIntervalSec: int
    unregWaitMsec: int
    disableRegOnModify: bool

class AccountSipConfig:
    authCreds: AuthCredInfoVector
    proxies: StringVector
    transportId: int
    contactForced: str
    ipv6Use: int
    autoRespondSipMessage: bool

class AccountCallConfig:
    prackUse: int
    timerUse: int
    timerMinSESec: int
    timerSessExpiresSec: int

class AccountNatConfig:
    contactRewriteUse: int
    viaRewriteUse: int
    sipOutboundUse: int
    udpKaIntervalSec: int

class SrtpCrypto:
    name: str
    key: str

class SrtpCryptoVector(list[SrtpCrypto]): ...

class SrtpOpt:
    cryptos: SrtpCryptoVector
    keyings: list[int]

class AccountMediaConfig:
    srtpOpt: SrtpOpt
    transportConfig: TransportConfig
    srtpUse: int
    srtpSecureSignaling: int
    ipv6Use: int
    rtcpMuxEnabled: bool
    lockCodecEnabled: bool

class AccountConfig:
    idUri: str
    priority: int
    regConfig: AccountRegConfig
    sipConfig: AccountSipConfig
    callConfig: AccountCallConfig
    natConfig: AccountNatConfig
    mediaConfig: AccountMediaConfig

class AccountInfo:
    uri: str

class AuthChallenge:
    def respond(self) -> int: ...
    def abandon(self) -> int: ...

class OnAuthChallengeParam:
    callId: int
    rdata: SipRxData
    challenge: AuthChallenge

class OnIncomingCallParam:
    callId: int
    rdata: SipRxData

class OnRegStateParam:
    rdata: SipRxData
    status: int
    code: int
    reason: str
    expiration: int

class OnIncomingSubscribeParam:
    code: int
    reason: str

class SendRequestParam:
    method: str
    txOption: SipTxOption

class OnSendRequestParam:
    e: SipEvent

class Account:
    def __init__(self) -> None: ...
    def sendRequest(self, prm: SendRequestParam) -> None: ...
    def onSendRequest(self, prm: OnSendRequestParam) -> None: ...
    def create(self, config: AccountConfig, make_default: bool = False) -> None: ...
    def modify(self, config: AccountConfig) -> None: ...
    def setRegistration(self, renew: bool) -> None: ...
    def getId(self) -> int: ...
    def getInfo(self) -> AccountInfo: ...
    def onIncomingCall(self, prm: OnIncomingCallParam) -> None: ...
    def onRegState(self, prm: OnRegStateParam) -> None: ...
    def onAuthChallenge(self, prm: OnAuthChallengeParam) -> None: ...
    def onIncomingSubscribe(self, prm: OnIncomingSubscribeParam) -> None: ...

class CallSetting:
    flag: int
    audioCount: int
    videoCount: int
    textCount: int

class CallOpParam:
    opt: CallSetting
    statusCode: int
    reason: str
    txOption: SipTxOption
    def __init__(self, use_default_call_setting: bool = False) -> None: ...

class CallInfo:
    id: int
    localUri: str
    remoteUri: str
    callIdString: str
    state: int
    lastStatusCode: int
    lastReason: str

class OnCallStateParam:
    e: SipEvent

class OnCallTsxStateParam:
    e: SipEvent

class OnCallMediaStateParam: ...

class OnDtmfEventParam:
    method: int
    digit: str
    duration: int

class OnCallRedirectedParam:
    targetUri: str

class OnCallTransferRequestParam:
    dstUri: str
    statusCode: int

class OnCallTransferStatusParam:
    statusCode: int
    reason: str
    finalNotify: bool
    cont: bool

class OnCallReplaceRequestParam:
    rdata: SipRxData
    statusCode: int

class CallSendRequestParam:
    method: str
    txOption: SipTxOption

PJSIP_H_ALLOW: int
PJSIP_DIALOG_CAP_SUPPORTED: int
PJSIP_TSX_STATE_CALLING: int
PJSIP_TSX_STATE_COMPLETED: int
PJSIP_TSX_STATE_TERMINATED: int
PJSIP_ROLE_UAC: int

class Call:
    def __init__(self, account: Account, call_id: int = -1) -> None: ...
    def getInfo(self) -> CallInfo: ...
    def getId(self) -> int: ...
    def isActive(self) -> bool: ...
    def makeCall(self, uri: str, prm: CallOpParam) -> None: ...
    def answer(self, prm: CallOpParam) -> None: ...
    def hangup(self, prm: CallOpParam) -> None: ...
    def setHold(self, prm: CallOpParam) -> None: ...
    def reinvite(self, prm: CallOpParam) -> None: ...
    def update(self, prm: CallOpParam) -> None: ...
    def xfer(self, dest: str, prm: CallOpParam) -> None: ...
    def onCallState(self, prm: OnCallStateParam) -> None: ...
    def onCallTsxState(self, prm: OnCallTsxStateParam) -> None: ...
    def onCallMediaState(self, prm: OnCallMediaStateParam) -> None: ...
    def onDtmfEvent(self, prm: OnDtmfEventParam) -> None: ...
    def onCallTransferRequest(self, prm: OnCallTransferRequestParam) -> None: ...
    def onCallTransferStatus(self, prm: OnCallTransferStatusParam) -> None: ...
    def onCallReplaceRequest(self, prm: OnCallReplaceRequestParam) -> None: ...
    def onStreamDestroyed(self, prm: Any) -> None: ...
    def remoteHasCap(self, htype: int, hname: str, token: str) -> int: ...
    def sendRequest(self, prm: CallSendRequestParam) -> None: ...
