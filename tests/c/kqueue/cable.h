/*
 * A pair of virtual interfaces, "a" and "veth0", that is like a cable: each end
 * has a carrier while the other is up.
 */
#ifndef TESTS_KQUEUE_CABLE_H
#define TESTS_KQUEUE_CABLE_H

#include <stdbool.h>
#include <stdint.h>

/* A network namespace of this process's own; skips the test where there is none. */
void enter_own_network(void);

/* Both ends are down; the index of "a". */
uintptr_t make_cable(void);
void remove_cable(void);

void set_up(const char *name, bool up);

/* Whether "a" is running; the kernel takes its time to say so: waits until it has. */
void await_running(bool up);

/* The other end goes up, and down; "a" is up. */
void plug_in(void);
void pull_out(void);

#endif
