/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MC_ERR_H
#define MC_ERR_H

/* Every mc_ function that can fail returns 0 or a count, or one of these. */
enum mc_err {
    MC_OK = 0,
    MC_E_ARG = -1,    /* the caller broke the contract */
    MC_E_SHORT = -2,  /* packet or buffer ends before the data it announces */
    MC_E_FORMAT = -3, /* bytes that the RFC does not allow */
    MC_E_FULL = -4,   /* no room now; nothing was taken */
    MC_E_EMPTY = -5,  /* nothing to give now */
    MC_E_NOMEM = -6,
    MC_E_SYS = -7,   /* a system call failed; errno says which way */
    MC_E_CODEC = -8, /* unknown codec, or the codec library refused */
    MC_E_STATE = -9, /* right call, wrong moment */
    MC_E_LATE = -10, /* packet came after its turn to be played */
    MC_E_DUP = -11,  /* packet was here already */
};

/* One lower-case sentence for people; never NULL. */
const char *mc_strerror(int rc);

#endif
