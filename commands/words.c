/* Words that become conditions: see words.h. */
#include "words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "condition.h"
#include "kinds.h"
#include "messages.h"
#include "session.h"

static bool out_of_memory(void)
{
    say("out of memory");
    return false;
}

static void list_kinds(char *list, size_t room)
{
    size_t count, used = 0;
    const struct kind *const *all = kinds(&count);
    for (size_t i = 0; i < count && used < room; i++)
        used += (size_t)snprintf(list + used, room - used, " %s:", all[i]->name);
}

/* A path alone is what most people forget to say more about. */
static bool explain_unknown(const char *word)
{
    char list[256];
    list_kinds(list, sizeof(list));
    if (strchr("./~", word[0]))
        say("%s: is no condition; did you mean file:%s?", word, word);
    else
        say("%s: is no condition; there are%s", word, list);
    return false;
}

/* Two of them would be one to the queue, and one would never hear of it. */
static bool is_new(const struct session *session, const struct condition *condition)
{
    const struct kind *kind = condition->kind;
    for (int i = 0; kind->single && i < session->count; i++) {
        const struct condition *other = &session->conditions[i];
        if (other->kind == kind &&
            !memcmp(other->state, condition->state, kind->size)) {
            say("%s: is given twice; leave one of them out", condition->word);
            return false;
        }
    }
    return true;
}

static bool fill(struct session *session, struct condition *condition)
{
    const struct kind *kind = condition->kind;
    condition->session = session;
    condition->index = session->count + 1;
    condition->state = calloc(1, kind->size);
    if (!condition->state)
        return out_of_memory();
    if (!condition->argument[0] || (kind->parse && !kind->parse(condition))) {
        say("%s: needs %s", condition->word, kind->needs);
        return false;
    }
    return is_new(session, condition);
}

static bool add(struct session *session, const struct condition *made)
{
    struct condition *condition = &session->conditions[session->count];
    *condition = *made;
    if (fill(session, condition)) {
        session->count++;
        return true;
    }
    free(condition->state);
    free(condition->owned);
    return false;
}

bool word_add(struct session *session, const char *word)
{
    size_t length = strcspn(word, ":");
    const struct kind *kind = kind_called(word, length);
    if (!kind)
        return explain_unknown(word);
    const char *argument = word + length + (word[length] == ':');
    return add(session,
               &(struct condition){.kind = kind, .word = word, .argument = argument});
}

/* "child:COMMAND ARG", as it would have been given in one word. */
static char *joined(char **argv)
{
    static const char prefix[] = "child:";
    size_t size = sizeof(prefix);
    for (char **at = argv; *at; at++)
        size += strlen(*at) + 1;
    char *word = malloc(size), *end = word;
    if (!word)
        return NULL;
    end = stpcpy(end, prefix);
    for (char **at = argv; *at; at++) {
        end = stpcpy(end, *at);
        *end++ = at[1] ? ' ' : 0;
    }
    return word;
}

bool word_add_command(struct session *session, char **argv)
{
    char *word = joined(argv);
    if (!word)
        return out_of_memory();
    return add(session, &(struct condition){.kind = &kind_child,
                                            .word = word,
                                            .argument = strchr(word, ':') + 1,
                                            .argv = argv,
                                            .owned = word});
}

void words_free(struct session *session)
{
    for (int i = 0; i < session->count; i++) {
        free(session->conditions[i].state);
        free(session->conditions[i].owned);
    }
    free(session->conditions);
    session->conditions = NULL;
    session->count = 0;
}
