/*
 * For ThreadSanitizer, which takes a close beside a use of the descriptor for a
 * mistake. The library looks at numbers that other threads may be closing, as
 * its way of finding out, and a queue may be closed under a wait.
 */
#ifdef __SANITIZE_THREAD__
const char *__tsan_default_suppressions(void);

const char *__tsan_default_suppressions(void)
{
    return "race:pmx__source_is\nrace:pmx__interest_check\nrace:sleep_unlocked\n";
}

#endif
