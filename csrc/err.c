/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "err.h"

const char *mc_strerror(int rc) {
    if (rc >= 0) {
        return "success";
    }
    switch ((enum mc_err)rc) {
    case MC_OK:
        break;
    case MC_E_ARG:
        return "an argument is out of its range";
    case MC_E_SHORT:
        return "the packet or buffer is too short";
    case MC_E_FORMAT:
        return "the bytes are not what the RFC allows";
    case MC_E_FULL:
        return "there is no room now";
    case MC_E_EMPTY:
        return "there is nothing to give now";
    case MC_E_NOMEM:
        return "out of memory";
    case MC_E_SYS:
        return "a system call failed";
    case MC_E_CODEC:
        return "the codec is unknown or its library refused";
    case MC_E_STATE:
        return "this can't be done in the present state";
    case MC_E_LATE:
        return "the packet came after its turn";
    case MC_E_DUP:
        return "the packet was here already";
    }
    return "unknown error";
}
