/* SPDX-License-Identifier: Apache-2.0 */
/* What signals ask of commands that run until they are told to stop. */
#include <signal.h>
#include <stddef.h>

#include "flowcheck.h"

static volatile sig_atomic_t stop, reload;

static void
on_stop(int number)
{
    (void)number;
    stop = 1;
}

static void
on_reload(int number)
{
    (void)number;
    reload = 1;
}

void
catch_signals(void)
{
    struct sigaction action = { .sa_handler = on_stop };

    sigemptyset(&action.sa_mask);
    action.sa_flags = (int)SA_RESETHAND; /* the second one ends the program */
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action.sa_handler = on_reload;
    action.sa_flags = SA_RESTART;
    sigaction(SIGHUP, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL); /* writing says so by itself */
}

bool
asked_to_stop(void)
{
    return stop != 0;
}

bool
asked_to_reload(void)
{
    const bool asked = reload != 0;

    reload = 0;
    return asked;
}
