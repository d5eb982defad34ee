/* SPDX-License-Identifier: Apache-2.0 */
/* Sources and path lists, on a small tree of files made for each test. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/str.h"
#include "source/source.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static char folder[64];
static unsigned problems;
static struct flow_error last_problem;

static void
keep_problem(void *context, const struct flow_error *problem)
{
    (void)context;
    problems++;
    last_problem = *problem;
}

static const struct flow_path_options told = { keep_problem, NULL };

static const char *
path_of(const char *name)
{
    static char path[512];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void
put(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

/* Root may read everything: becomes nobody until become_self; false when it cannot. */
static bool
become_nobody(void)
{
    return geteuid() != 0 || seteuid(65534) == 0;
}

static void
become_self(void)
{
    assert_int_equal(seteuid(getuid()), 0);
}

static int
setup(void **state)
{
    (void)state;
    problems = 0;
    snprintf(folder, sizeof(folder), "/tmp/flow-source-XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
    char command[100];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

static void
a_directory_lists_its_files_sorted_by_path(void **state)
{
    static const char *const expected[] = { "a/2", "a/y/1", "b", "c" };
    struct flow_path_list list = { NULL, 0, 0 };
    struct flow_error err;

    (void)state;
    assert_int_equal(mkdir(path_of("a"), 0777), 0);
    assert_int_equal(mkdir(path_of("a/y"), 0777), 0);
    put("c", "");
    put("a/2", "");
    put("b", "");
    put("a/y/1", "");
    assert_int_equal(flow_path_list_add(&list, folder, &told, &err), FLOW_OK);
    assert_int_equal(list.count, 4);
    for (size_t i = 0; i < list.count; i++) {
        assert_string_equal(list.paths[i], path_of(expected[i]));
    }
    assert_int_equal(problems, 0);
    flow_path_list_free(&list);
}

static void
the_order_is_that_of_whole_paths(void **state)
{
    static const char *const expected[] = { "a-z", "a.d/x", "a/x", "a0" };
    struct flow_path_list list = { NULL, 0, 0 };
    struct flow_error err;
    char slashed[80];

    (void)state;
    assert_int_equal(mkdir(path_of("a"), 0777), 0);
    assert_int_equal(mkdir(path_of("a.d"), 0777), 0);
    put("a0", "");
    put("a/x", "");
    put("a.d/x", "");
    put("a-z", "");
    snprintf(slashed, sizeof(slashed), "%s/", folder);
    assert_int_equal(flow_path_list_add(&list, slashed, NULL, &err), FLOW_OK);
    assert_int_equal(list.count, 4);
    for (size_t i = 0; i < list.count; i++) {
        assert_string_equal(list.paths[i], path_of(expected[i]));
    }
    flow_path_list_free(&list);
}

static void
hidden_entries_and_what_is_no_file_are_left_out(void **state)
{
    struct flow_path_list list = { NULL, 0, 0 };
    struct flow_error err;

    (void)state;
    put(".hidden", "");
    put("seen", "");
    assert_int_equal(mkfifo(path_of("pipe"), 0666), 0);
    assert_int_equal(flow_path_list_add(&list, folder, &told, &err), FLOW_OK);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.paths[0], path_of("seen"));
    flow_path_list_free(&list);
}

static void
links_are_followed_and_loops_end(void **state)
{
    struct flow_path_list list = { NULL, 0, 0 };
    struct flow_error err;

    (void)state;
    put("file", "");
    assert_int_equal(mkdir(path_of("d"), 0777), 0);
    assert_int_equal(symlink("../file", path_of("d/to-file")), 0);
    assert_int_equal(symlink("..", path_of("d/to-parent")), 0);
    assert_int_equal(flow_path_list_add(&list, folder, &told, &err), FLOW_OK);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.paths[0], path_of("d/to-file"));
    assert_string_equal(list.paths[1], path_of("file"));
    flow_path_list_free(&list);
}

static void
a_link_to_nothing_is_a_problem_and_the_rest_is_listed(void **state)
{
    struct flow_path_list list = { NULL, 0, 0 };
    struct flow_error err;

    (void)state;
    put("file", "");
    assert_int_equal(symlink("nowhere", path_of("broken")), 0);
    assert_int_equal(flow_path_list_add(&list, folder, &told, &err), FLOW_OK);
    assert_int_equal(list.count, 1);
    assert_int_equal(problems, 1);
    assert_int_equal(last_problem.os_errno, ENOENT);
    assert_string_equal(last_problem.input, path_of("broken"));
    flow_path_list_free(&list);
}

static void
a_link_to_itself_is_a_problem(void **state)
{
    struct flow_path_list list = { NULL, 0, 0 };
    struct flow_error err;

    (void)state;
    assert_int_equal(symlink("self", path_of("self")), 0);
    assert_int_equal(flow_path_list_add(&list, folder, &told, &err), FLOW_OK);
    assert_int_equal(list.count, 0);
    assert_int_equal(problems, 1);
    assert_int_equal(last_problem.os_errno, ELOOP);
    flow_path_list_free(&list);
}

static void
a_directory_without_permission_is_a_problem_and_the_rest_is_listed(void **state)
{
    struct flow_path_list list = { NULL, 0, 0 };
    struct flow_error err;
    int rc;

    (void)state;
    put("file", "");
    assert_int_equal(mkdir(path_of("closed"), 0777), 0);
    put("closed/file", "");
    assert_int_equal(chmod(path_of("closed"), 0), 0);
    assert_int_equal(chmod(folder, 0755), 0);
    if (!become_nobody()) {
        skip();
    }
    rc = flow_path_list_add(&list, folder, &told, &err);
    become_self();
    assert_int_equal(chmod(path_of("closed"), 0700), 0);
    assert_int_equal(rc, FLOW_OK);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.paths[0], path_of("file"));
    assert_int_equal(problems, 1);
    assert_int_equal(last_problem.os_errno, EACCES);
    assert_string_equal(last_problem.input, path_of("closed"));
    assert_string_equal(last_problem.message, "cannot list the directory: Permission denied");
    flow_path_list_free(&list);
}

/* A file so many directories deep, the folder counted; those above are there. */
static void
put_deep(unsigned depth)
{
    char name[4 * FLOW_DIRECTORY_DEPTH_MAX] = ".";

    for (unsigned level = 1; level < depth; level++) {
        strcat(name, "/d");
    }
    assert_true(depth == 1 || mkdir(path_of(name), 0777) == 0);
    strcat(name, "/file");
    put(name, "");
}

static void
directories_may_be_64_deep_and_the_next_is_a_limit(void **state)
{
    struct flow_path_list list = { NULL, 0, 0 };
    struct flow_error err;

    (void)state;
    for (unsigned depth = 1; depth <= FLOW_DIRECTORY_DEPTH_MAX; depth++) {
        put_deep(depth);
    }
    assert_int_equal(flow_path_list_add(&list, folder, &told, &err), FLOW_OK);
    assert_int_equal(list.count, FLOW_DIRECTORY_DEPTH_MAX);
    put_deep(FLOW_DIRECTORY_DEPTH_MAX + 1);
    assert_int_equal(flow_path_list_add(&list, folder, &told, &err), FLOW_E_LIMIT);
    assert_non_null(strstr(err.input, "/d/d/d"));
    assert_int_equal(list.count, FLOW_DIRECTORY_DEPTH_MAX); /* as it was before the call */
    flow_path_list_free(&list);
}

/* 100 links to a directory of 100 links to one of 100 FIFOs: a million entries, and no loop. */
static void
links_that_multiply_at_every_level_are_a_limit(void **state)
{
    struct flow_path_list list = { NULL, 0, 0 };
    struct flow_error err;
    char name[32];

    (void)state;
    assert_int_equal(mkdir(path_of("links"), 0777), 0);
    assert_int_equal(mkdir(path_of(".middle"), 0777), 0);
    assert_int_equal(mkdir(path_of(".last"), 0777), 0);
    for (unsigned i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "links/%u", i);
        assert_int_equal(symlink("../.middle", path_of(name)), 0);
        snprintf(name, sizeof(name), ".middle/%u", i);
        assert_int_equal(symlink("../.last", path_of(name)), 0);
        snprintf(name, sizeof(name), ".last/%u", i);
        assert_int_equal(mkfifo(path_of(name), 0666), 0);
    }
    assert_int_equal(flow_path_list_add(&list, folder, &told, &err), FLOW_E_LIMIT);
    assert_string_equal(err.message, "expected at most 1000000 files and directories");
    assert_int_equal(list.count, 0);
    assert_int_equal(problems, 0);
    flow_path_list_free(&list);
    flow_path_list_free(NULL);
}

static void
a_path_that_is_no_directory_is_listed_as_itself(void **state)
{
    struct flow_path_list list = { NULL, 0, 0 };
    struct flow_error err;

    (void)state;
    assert_int_equal(flow_path_list_add(&list, "-", &told, &err), FLOW_OK);
    assert_int_equal(flow_path_list_add(&list, path_of("none"), &told, &err), FLOW_OK);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.paths[0], "-");
    assert_string_equal(list.paths[1], path_of("none"));
    flow_path_list_free(&list);
}

static void
what_cannot_be_opened_says_why(void **state)
{
    struct flow_source *source;
    struct flow_error err;

    (void)state;
    assert_int_equal(flow_source_open(&source, path_of("none"), &err), FLOW_E_SYSTEM);
    assert_int_equal(err.os_errno, ENOENT);
    assert_string_equal(err.input, path_of("none"));
    assert_string_equal(err.message, "cannot open: No such file or directory");
    assert_int_equal(flow_source_open(&source, folder, &err), FLOW_E_ARGUMENT);
    assert_string_equal(err.input, folder);
    assert_string_equal(err.message, "expected a file, found a directory");
    assert_int_equal(flow_source_open(&source, NULL, &err), FLOW_E_ARGUMENT);
    assert_null(source);
}

static void
a_file_without_permission_says_so(void **state)
{
    struct flow_source *source;
    struct flow_error err;
    int rc;

    (void)state;
    put("closed", "");
    assert_int_equal(chmod(path_of("closed"), 0), 0);
    assert_int_equal(chmod(folder, 0755), 0);
    if (!become_nobody()) {
        skip();
    }
    rc = flow_source_open(&source, path_of("closed"), &err);
    become_self();
    assert_int_equal(rc, FLOW_E_SYSTEM);
    assert_int_equal(err.os_errno, EACCES);
    assert_string_equal(err.input, path_of("closed"));
    assert_string_equal(err.message, "cannot open: Permission denied");
}

/* Address 0 of a process cannot be read: a file whose every read fails. */
static void
a_read_that_fails_names_its_input(void **state)
{
    struct flow_source *source;
    struct flow_error err;
    size_t got = 7;
    char at[16];

    (void)state;
    if (flow_source_open(&source, "/proc/self/mem", &err) != FLOW_OK) {
        skip();
    }
    assert_int_equal(source->ops->read(source, at, sizeof(at), &got, &err), FLOW_E_SYSTEM);
    assert_int_equal(got, 0);
    assert_int_equal(err.os_errno, EIO);
    assert_string_equal(err.input, "/proc/self/mem");
    assert_string_equal(err.message, "cannot read: Input/output error");
    flow_source_close(source);
}

/* Puts a descriptor in the place of standard input; the old one comes back for restore_stdin. */
static int
replace_stdin(int fd)
{
    const int old = dup(STDIN_FILENO);

    assert_true(old >= 0);
    assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    close(fd);
    return old;
}

static void
restore_stdin(int old)
{
    assert_int_equal(dup2(old, STDIN_FILENO), STDIN_FILENO);
    close(old);
}

static void
ignore_alarm(int signal)
{
    (void)signal;
}

/* The read end of a pipe into which another process writes "late" after 60 ms. */
static int
pipe_with_late_bytes(pid_t *writer)
{
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    *writer = fork();
    assert_true(*writer >= 0);
    if (*writer == 0) {
        usleep(60000);
        _exit(write(ends[1], "late", 4) == 4 ? 0 : 1);
    }
    close(ends[1]);
    return ends[0];
}

static void
standard_input_waits_for_bytes_whatever_interrupts(void **state)
{
    const struct itimerval every_5_ms = { { 0, 5000 }, { 0, 5000 } };
    const struct itimerval never = { { 0, 0 }, { 0, 0 } };
    const struct sigaction interrupt = { .sa_handler = ignore_alarm }; /* no SA_RESTART */
    struct sigaction before;

    (void)state;
    assert_int_equal(sigaction(SIGALRM, &interrupt, &before), 0);
    for (unsigned nonblocking = 0; nonblocking < 2; nonblocking++) {
        struct flow_source *source;
        struct flow_error err;
        pid_t writer;
        const int fd = pipe_with_late_bytes(&writer);
        const int old = replace_stdin(fd);
        size_t got;
        char at[16];

        if (nonblocking == 1) {
            assert_int_equal(fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK), 0);
        }
        assert_int_equal(flow_source_open(&source, "-", &err), FLOW_OK);
        assert_string_equal(source->ops->name, "stdin");
        assert_int_equal(source->ops->size(source), 0);
        setitimer(ITIMER_REAL, &every_5_ms, NULL);
        assert_int_equal(source->ops->read(source, at, sizeof(at), &got, &err), FLOW_OK);
        assert_int_equal(got, 4);
        assert_memory_equal(at, "late", 4);
        assert_int_equal(source->ops->read(source, at, sizeof(at), &got, &err), FLOW_END);
        setitimer(ITIMER_REAL, &never, NULL);
        flow_source_close(source);
        assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0); /* it was not ours to close */
        restore_stdin(old);
        assert_int_equal(waitpid(writer, NULL, 0), writer);
    }
    assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
}

static void
standard_input_counts_from_where_it_stands(void **state)
{
    struct flow_source *source;
    struct flow_error err;
    size_t got;
    char at[16];
    int old;

    (void)state;
    put("file", "some bytes");
    old = replace_stdin(open(path_of("file"), O_RDONLY));
    assert_int_equal(lseek(STDIN_FILENO, 5, SEEK_SET), 5);
    assert_int_equal(flow_source_open(&source, "-", &err), FLOW_OK);
    assert_int_equal(source->ops->size(source), 5);
    assert_int_equal(source->ops->read(source, at, sizeof(at), &got, &err), FLOW_OK);
    assert_int_equal(got, 5);
    assert_memory_equal(at, "bytes", 5);
    flow_source_close(source);
    restore_stdin(old);
}

static void
standard_input_that_is_a_directory_is_refused(void **state)
{
    struct flow_source *source;
    struct flow_error err;
    const int old = replace_stdin(open(folder, O_RDONLY));
    const int rc = flow_source_open(&source, "-", &err);

    (void)state;
    restore_stdin(old);
    assert_int_equal(rc, FLOW_E_ARGUMENT);
    assert_string_equal(err.input, "<stdin>");
}

static void
a_file_and_memory_give_their_bytes_and_then_their_end(void **state)
{
    struct flow_source *sources[2];
    struct flow_error err;

    (void)state;
    put("file", "some bytes");
    assert_int_equal(flow_source_open(&sources[0], path_of("file"), &err), FLOW_OK);
    assert_int_equal(flow_source_open_memory(&sources[1], FLOW_STR("some bytes"), 3, &err),
                     FLOW_OK);
    for (size_t i = 0; i < 2; i++) {
        char text[32];
        size_t len = 0, got;
        int rc;

        assert_int_equal(sources[i]->ops->size(sources[i]), 10);
        while ((rc = sources[i]->ops->read(sources[i], text + len, sizeof(text) - len, &got,
                                           &err)) == FLOW_OK) {
            assert_true(got > 0 && (i == 0 || got <= 3));
            len += got;
        }
        assert_int_equal(rc, FLOW_END);
        assert_int_equal(len, 10);
        assert_memory_equal(text, "some bytes", 10);
        assert_int_equal(sources[i]->ops->read(sources[i], text, sizeof(text), &got, &err),
                         FLOW_END);
        flow_source_close(sources[i]);
    }
    flow_source_close(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_directory_lists_its_files_sorted_by_path),
        TEST(the_order_is_that_of_whole_paths),
        TEST(hidden_entries_and_what_is_no_file_are_left_out),
        TEST(links_are_followed_and_loops_end),
        TEST(a_link_to_nothing_is_a_problem_and_the_rest_is_listed),
        TEST(a_link_to_itself_is_a_problem),
        TEST(a_directory_without_permission_is_a_problem_and_the_rest_is_listed),
        TEST(directories_may_be_64_deep_and_the_next_is_a_limit),
        TEST(links_that_multiply_at_every_level_are_a_limit),
        TEST(a_path_that_is_no_directory_is_listed_as_itself),
        TEST(what_cannot_be_opened_says_why),
        TEST(a_file_without_permission_says_so),
        TEST(a_read_that_fails_names_its_input),
        TEST(standard_input_waits_for_bytes_whatever_interrupts),
        TEST(standard_input_counts_from_where_it_stands),
        TEST(standard_input_that_is_a_directory_is_refused),
        TEST(a_file_and_memory_give_their_bytes_and_then_their_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
