/*
 * Descriptors of every kind in every state, for comparing two answers to the
 * same question. Each cage has a number that never changes and an animal
 * under it that does; now and then a cage is empty and the number closed.
 */
#ifndef TESTS_ZOO_H
#define TESTS_ZOO_H

#include "support.h"

#define ZOO_CAGES 40

struct zoo {
    int fds[ZOO_CAGES];
    int peers[ZOO_CAGES]; /* the other ends; -1 where there is none */
};

/* Every cage has some animal; the numbers are below 1024 and in no order. */
void zoo_open(struct zoo *zoo, struct random *random);

/* Another animal in a cage. */
void zoo_change(struct zoo *zoo, struct random *random, unsigned cage);

/* Closes the number of a cage. */
void zoo_empty(struct zoo *zoo, unsigned cage);

/* An animal in each cage that is empty. */
void zoo_restock(struct zoo *zoo, struct random *random);

void zoo_close(struct zoo *zoo);

/* What may be asked of an animal: a mask of poll(2). */
short random_poll_events(struct random *random);

#endif
