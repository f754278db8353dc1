/* What benches/resolver.rs compares with: libsolv, doing the same work on the same index.
 *
 *   libsolv compile PACKAGES OUT.solv          text to libsolv's own form
 *   libsolv solve INDEX REQUESTS [INSTALLED]   every request of a file, RUNS times each
 *   libsolv closure INDEX NAME...              what these names bring with their recommendations, a name a line
 *   libsolv choose INDEX COUNT                 the first COUNT names of standard input that can be had together
 *
 * INDEX and INSTALLED are a Packages text or, by their suffix, a .solv file. A line of REQUESTS is a label, a verb
 * (install, or upgrade for everything that is installed) and names, with tabs between them. Recommendations count
 * only in upgrades, and in what `closure` gives. Times are CPU time of this process in microseconds.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <solv/pool.h>
#include <solv/poolarch.h>
#include <solv/repo.h>
#include <solv/repo_deb.h>
#include <solv/repo_solv.h>
#include <solv/repo_write.h>
#include <solv/selection.h>
#include <solv/solver.h>
#include <solv/transaction.h>

enum { RUNS = 15 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

/* The largest resident set of this program. getrusage would count what started it as well. */
static long peak_kib(void)
{
    FILE *status = fopen("/proc/self/status", "r");
    char line[256];
    long peak = 0;
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "VmHWM: %ld", &peak) == 1)
            break;
    if (status)
        fclose(status);
    return peak;
}

static void die(const char *what, const char *which)
{
    fprintf(stderr, "libsolv: %s: %s\n", what, which);
    exit(1);
}

static Repo *load(Pool *pool, const char *name, const char *path)
{
    Repo *repo = repo_create(pool, name);
    FILE *file = fopen(path, "r");
    const char *suffix = strrchr(path, '.');
    int refused;
    if (!file)
        die("cannot open", path);
    if (suffix && !strcmp(suffix, ".solv"))
        refused = repo_add_solv(repo, file, 0);
    else
        refused = repo_add_debpackages(repo, file, 0);
    fclose(file);
    if (refused)
        die("cannot read", path);
    return repo;
}

static Pool *new_pool(void)
{
    Pool *pool = pool_create();
    pool_setdisttype(pool, DISTTYPE_DEB);
    pool_setarch(pool, "amd64");
    return pool;
}

/* Asks for the package of that name; providers will do where there is none. */
static int want(Pool *pool, Queue *jobs, const char *name)
{
    Queue selection;
    int found;
    queue_init(&selection);
    found = selection_make(pool, &selection, name, SELECTION_NAME | SELECTION_PROVIDES);
    for (int i = 0; i < selection.count; i += 2)
        queue_push2(jobs, selection.elements[i] | SOLVER_INSTALL, selection.elements[i + 1]);
    queue_free(&selection);
    return found;
}

static Solver *solver_for(Pool *pool, int recommends, int removes)
{
    Solver *solver = solver_create(pool);
    solver_set_flag(solver, SOLVER_FLAG_IGNORE_RECOMMENDED, !recommends);
    solver_set_flag(solver, SOLVER_FLAG_ALLOW_UNINSTALL, removes);
    return solver;
}

/* Bytes of everything that can be told about the problems: their rules and their solutions. */
static size_t explain(Solver *solver)
{
    size_t length = 0;
    int problems = solver_problem_count(solver);
    for (Id problem = 1; problem <= problems; problem++) {
        Queue rules;
        queue_init(&rules);
        solver_findallproblemrules(solver, problem, &rules);
        for (int i = 0; i < rules.count; i++) {
            Id source, target, dep;
            SolverRuleinfo type = solver_ruleinfo(solver, rules.elements[i], &source, &target, &dep);
            length += strlen(solver_problemruleinfo2str(solver, type, source, target, dep));
        }
        queue_free(&rules);
        int solutions = solver_solution_count(solver, problem);
        for (Id solution = 1; solution <= solutions; solution++) {
            Id element = 0, p, rp;
            while ((element = solver_next_solutionelement(solver, problem, solution, element, &p, &rp)) != 0)
                length += strlen(solver_solutionelement2str(solver, p, rp));
        }
    }
    return length;
}

static void request(Pool *pool, char *line)
{
    char *label = strtok(line, "\t"), *verb = strtok(NULL, "\t"), *name;
    int upgrade, missing = 0, problems = 0, count = 0;
    double solve = 1e18, order = 1e18, told = 1e18;
    Queue jobs;
    if (!label || !verb)
        die("a request is a label, a verb and names", line);
    upgrade = !strcmp(verb, "upgrade");
    queue_init(&jobs);
    while ((name = strtok(NULL, "\t")))
        missing += !want(pool, &jobs, name);
    if (upgrade)
        queue_push2(&jobs, SOLVER_DISTUPGRADE | SOLVER_SOLVABLE_ALL, 0);
    for (int run = 0; run < RUNS; run++) {
        Solver *solver = solver_for(pool, upgrade, upgrade);
        double start = now(), took;
        problems = solver_solve(solver, &jobs);
        took = now() - start;
        solve = took < solve ? took : solve;
        if (problems) {
            explain(solver);
            took = now() - start;
            told = took < told ? took : told;
        } else {
            Transaction *transaction = solver_create_transaction(solver);
            count = transaction->steps.count;
            start = now();
            transaction_order(transaction, 0);
            took = now() - start;
            order = took < order ? took : order;
            transaction_free(transaction);
        }
        solver_free(solver);
    }
    queue_free(&jobs);
    if (problems)
        printf("%s\tunsolvable\tsolve_us=%.0f\texplain_us=%.0f\tproblems=%d", label, solve, told, problems);
    else
        printf("%s\tsolved\tsolve_us=%.0f\torder_us=%.0f\tsteps=%d", label, solve, order, count);
    printf("\tunknown=%d\n", missing);
}

static void solve_all(const char *index, const char *requests, const char *installed)
{
    Pool *pool = new_pool();
    FILE *file = fopen(requests, "r");
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    double start = now(), loaded;
    if (!file)
        die("cannot open", requests);
    if (installed)
        pool_set_installed(pool, load(pool, "installed", installed));
    load(pool, "index", index);
    loaded = now();
    pool_addfileprovides(pool);
    pool_createwhatprovides(pool);
    printf("load\t%s\tload_us=%.0f\twhatprovides_us=%.0f\tsolvables=%d\tpeak_kib=%ld\n", index, loaded - start,
           now() - loaded, pool->nsolvables, peak_kib());
    while ((length = getline(&line, &room, file)) > 0) {
        if (line[length - 1] == '\n')
            line[length - 1] = 0;
        if (*line && *line != '#')
            request(pool, line);
    }
    printf("end\tpeak_kib=%ld\n", peak_kib());
    fclose(file);
    free(line);
    pool_free(pool);
}

static void compile(const char *index, const char *out)
{
    double start = now(), loaded;
    Pool *pool = new_pool();
    Repo *repo = load(pool, "index", index);
    FILE *file = fopen(out, "w");
    loaded = now();
    if (!file || repo_write(repo, file) || fclose(file))
        die("cannot write", out);
    printf("compile\tload_us=%.0f\twrite_us=%.0f\tpeak_kib=%ld\n", loaded - start, now() - loaded, peak_kib());
    pool_free(pool);
}

static void print_installed(Pool *pool, Solver *solver)
{
    Transaction *transaction = solver_create_transaction(solver);
    for (int i = 0; i < transaction->steps.count; i++)
        printf("%s\n", pool_id2str(pool, pool->solvables[transaction->steps.elements[i]].name));
    transaction_free(transaction);
}

static void closure(const char *index, char **names)
{
    Pool *pool = new_pool();
    Queue jobs;
    load(pool, "index", index);
    pool_createwhatprovides(pool);
    queue_init(&jobs);
    for (; *names; names++)
        if (!want(pool, &jobs, *names))
            die("no package is called", *names);
    Solver *solver = solver_for(pool, 1, 0);
    if (solver_solve(solver, &jobs))
        die("cannot be had together", solver_problem2str(solver, 1));
    print_installed(pool, solver);
    solver_free(solver);
    queue_free(&jobs);
    pool_free(pool);
}

static void choose(const char *index, int count)
{
    Pool *pool = new_pool();
    Queue jobs;
    char name[512];
    load(pool, "index", index);
    pool_createwhatprovides(pool);
    queue_init(&jobs);
    while (count > 0 && fgets(name, sizeof name, stdin)) {
        int before = jobs.count;
        name[strcspn(name, "\n")] = 0;
        Solver *solver = solver_for(pool, 0, 0);
        if (want(pool, &jobs, name) && !solver_solve(solver, &jobs)) {
            printf("%s\n", name);
            count--;
        } else {
            queue_truncate(&jobs, before);
        }
        solver_free(solver);
    }
    if (count)
        die("standard input ended", "too few names");
    queue_free(&jobs);
    pool_free(pool);
}

int main(int argc, char **argv)
{
    const char *verb = argc > 2 ? argv[1] : "";
    if (!strcmp(verb, "compile") && argc == 4)
        compile(argv[2], argv[3]);
    else if (!strcmp(verb, "solve") && (argc == 4 || argc == 5))
        solve_all(argv[2], argv[3], argc == 5 ? argv[4] : NULL);
    else if (!strcmp(verb, "closure") && argc > 3)
        closure(argv[2], argv + 3);
    else if (!strcmp(verb, "choose") && argc == 4)
        choose(argv[2], atoi(argv[3]));
    else
        die("see the comment at the head of the source", "wrong arguments");
    return 0;
}
