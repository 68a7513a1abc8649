/*
 * A small test harness: TAP on standard output, each test in a process of its
 * own. Stands on libc and /proc alone, so every test program of the
 * repository can link it.
 *
 *     TEST(pipe_is_readable)
 *     {
 *         int ends[2];
 *         CHECK_OK(pipe(ends));
 *         CHECK_EQ_INT(write(ends[1], "x", 1), 1);
 *         ...
 *     }
 *
 * A test passes if its body returns. It fails with the first CHECK that does
 * not hold (also in a thread, or in a child process whose status the test
 * checks), a signal, an early exit, any sanitizer report, after a time limit,
 * with a descriptor opened and left open or closed and not its own, or
 * without having checked anything. Whatever processes it leaves are killed.
 *
 * usage: program [-l] [-t SECONDS] [NAME]...
 *     -l  lists the tests    -t  time limit of each test (60 s)
 *     NAME, a pattern of fnmatch(3), runs the tests it matches
 */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

/* What TEST and TEST_EACH make; the harness keeps them in a list. */
struct harness_test {
    const char *name;
    const char *variant; /* NULL, or printed after the name and a slash */
    void (*body)(const void *argument);
    const void *argument;
    struct harness_test *next;
};

/* Appends a test to the list; tests run in the order of their definition. */
void harness_add(struct harness_test *test);

#define TEST(name_)                                                               \
    static void test_##name_(void);                                               \
    static void name_##_body(const void *argument)                                \
    {                                                                             \
        (void)argument;                                                           \
        test_##name_();                                                           \
    }                                                                             \
    static void __attribute__((constructor)) name_##_add(void)                    \
    {                                                                             \
        static struct harness_test test = {.name = #name_, .body = name_##_body}; \
        harness_add(&test);                                                       \
    }                                                                             \
    static void test_##name_(void)

/*
 * One test for every element of an array of structs, each with a member
 * `const char *name`. The body gets a pointer to its element:
 *
 *     TEST_EACH(name, const struct api *api, apis) { api->wait(...); }
 */
#define TEST_EACH(name_, parameter_, array_)                                    \
    static void test_##name_(parameter_);                                       \
    static void name_##_body(const void *argument)                              \
    {                                                                           \
        test_##name_(argument);                                                 \
    }                                                                           \
    static void __attribute__((constructor)) name_##_add(void)                  \
    {                                                                           \
        static struct harness_test tests[sizeof(array_) / sizeof((array_)[0])]; \
        for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {         \
            tests[i] = (struct harness_test){.name = #name_,                    \
                                             .variant = (array_)[i].name,       \
                                             .body = name_##_body,              \
                                             .argument = &(array_)[i]};         \
            harness_add(&tests[i]);                                             \
        }                                                                       \
    }                                                                           \
    static void test_##name_(parameter_)

/* Ends the test as skipped; the reason is a printf format and is true. */
#define SKIP(...) harness_skip(__VA_ARGS__)

/* Ends the test as failed, with a message. */
#define FAIL(...) harness_fail(__FILE__, __LINE__, __VA_ARGS__)

/* What the test is at, printed should it fail; a printf format. */
#define CONTEXT(...) harness_context(__VA_ARGS__)

/* Prints a TAP comment line. */
#define NOTE(...) harness_note(__VA_ARGS__)

#define CHECK(condition)             \
    ((condition) ? harness_checked() \
                 : harness_fail(__FILE__, __LINE__, "%s is false", #condition))

#define CHECK_EQ_INT(actual, expected)                                               \
    harness_eq_int(__FILE__, __LINE__, #actual " == " #expected, (intmax_t)(actual), \
                   (intmax_t)(expected))
#define CHECK_EQ_UINT(actual, expected)                                                \
    harness_eq_uint(__FILE__, __LINE__, #actual " == " #expected, (uintmax_t)(actual), \
                    (uintmax_t)(expected))
#define CHECK_EQ_PTR(actual, expected) \
    harness_eq_ptr(__FILE__, __LINE__, #actual " == " #expected, (actual), (expected))
#define CHECK_EQ_STR(actual, expected) \
    harness_eq_str(__FILE__, __LINE__, #actual " == " #expected, (actual), (expected))
#define CHECK_GE_INT(actual, least)                                               \
    harness_ge_int(__FILE__, __LINE__, #actual " >= " #least, (intmax_t)(actual), \
                   (intmax_t)(least))

/* The call fails as a system call does: -1, with this errno. */
#define CHECK_ERRNO(call, expected) \
    (errno = HARNESS_NO_ERRNO,      \
     harness_failed(__FILE__, __LINE__, #call, (intmax_t)(call), expected, #expected))

/* The call returns NULL, with this errno. */
#define CHECK_NULL_ERRNO(call, expected)                                          \
    (errno = HARNESS_NO_ERRNO,                                                    \
     harness_failed(__FILE__, __LINE__, #call, (call) == NULL ? -1 : 0, expected, \
                    #expected))

/* The call returns no error, and what it returned (an int) is the value. */
#define CHECK_OK(call) harness_ok(__FILE__, __LINE__, #call, (call))

/* The call returns this, and errno is what it was before the call. */
#define CHECK_RETURNS(call, expected) \
    (errno = HARNESS_NO_ERRNO,        \
     harness_returned(__FILE__, __LINE__, #call, (intmax_t)(call), expected))

/* No system call sets this one. */
#define HARNESS_NO_ERRNO 4242

#define HARNESS_PRINTF(format_, first_) __attribute__((format(printf, format_, first_)))

void harness_checked(void);
void harness_context(const char *format, ...) HARNESS_PRINTF(1, 2);
void harness_note(const char *format, ...) HARNESS_PRINTF(1, 2);
_Noreturn void harness_skip(const char *format, ...) HARNESS_PRINTF(1, 2);
_Noreturn void harness_fail(const char *file, int line, const char *format, ...)
    HARNESS_PRINTF(3, 4);
void harness_eq_int(const char *file, int line, const char *what, intmax_t actual,
                    intmax_t expected);
void harness_eq_uint(const char *file, int line, const char *what, uintmax_t actual,
                     uintmax_t expected);
void harness_eq_ptr(const char *file, int line, const char *what, const void *actual,
                    const void *expected);
void harness_eq_str(const char *file, int line, const char *what, const char *actual,
                    const char *expected);
void harness_ge_int(const char *file, int line, const char *what, intmax_t actual,
                    intmax_t least);
void harness_failed(const char *file, int line, const char *what, intmax_t returned,
                    int expected, const char *expected_name);
int harness_ok(const char *file, int line, const char *what, int returned);
void harness_returned(const char *file, int line, const char *what, intmax_t returned,
                      intmax_t expected);

#endif
