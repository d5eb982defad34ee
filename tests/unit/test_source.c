/* SPDX-License-Identifier: Apache-2.0 */
/* Sources and path lists, on a small tree of files made for each test. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "source/source.h"

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
    static char path[128];

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
        cmocka_unit_test_setup_teardown(a_directory_lists_its_files_sorted_by_path, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(hidden_entries_and_what_is_no_file_are_left_out, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(links_are_followed_and_loops_end, setup, teardown),
        cmocka_unit_test_setup_teardown(a_link_to_nothing_is_a_problem_and_the_rest_is_listed,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_path_that_is_no_directory_is_listed_as_itself, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_opened_says_why, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_and_memory_give_their_bytes_and_then_their_end,
                                        setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
