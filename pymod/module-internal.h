/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_PYMOD_MODULE_INTERNAL_H
#define STM_PYMOD_MODULE_INTERNAL_H

/* What the files of the extension module `stm._stm` share.
 *
 * A thread is *attached* while it may touch Python objects: it holds the GIL
 * or, in a free-threaded build, has a running thread state.  Everything here
 * is called on attached threads but for the hooks that detach one.  Every call
 * into the library that may run a transaction lies between stm__call_begin and
 * stm__call_end, so that a wait within it is detached and interruptible, and
 * so that an exception finds its way out past the library's frames.
 *
 * What protects what, also without a GIL:
 *
 *   state                   written by the module's set-up alone
 *   TVar.var                written by __init__ alone, before it is shared
 *   TCounter.counter, TQueue.queue, TSemaphore.semaphore
 *                           the same
 *   TList.list, Endpoint.endpoint, BroadcastQueue.queue, Watcher.handle
 *                           written when the object is made
 *   TFuture.future, TPriorityQueue.queue, .id, Ticket.ticket, .queue_id
 *                           the same
 *   TDict.dict, TSet.set, EventLoop.loop
 *                           written when the object is made
 *   a view's dict, a map iterator's map
 *                           written when made and by the collector
 *   TList.pooled, TPriorityQueue.pooled
 *                           atomic; only ever becomes true
 *   TListIterator.place     its mutex
 *   iterator.index          atomic
 *   TObject.fields          atomic; what is in it is only added to
 *   Watcher.function, .callback
 *                           written when made and by the collector
 *   TWeakRef.ref, .armed    written by __init__ alone, before it is shared
 *   TWeakRef.callback       the same, and by the collector
 *   WeakLink.weak           written when made, and by the last user
 *   WeakLink.uses           atomic
 *   WeakLink.dead           its lock
 *   WeakLink.bereaved       written before the death is told, then the service
 *                           thread's
 *   Future.future           written when the object is made
 *   Future.function, .condition, .callbacks, the flags
 *                           atomic
 *   Future.args, .kwargs, .context
 *                           whoever took the function
 *   ThreadPool.pool, .tasks written by __init__ alone, before it is shared
 *   a crew's broken         atomic; only ever becomes true
 *   struct stm__call        belongs to one thread
 *   AsyncCall.ticket        the call's one user; while it is blocked, its waker
 *   AsyncCall, the rest     the call's one user
 *   Wakeups, all of it      atomic
 *   the census in workers.c its mutex
 *   the gate in service.c   its mutex
 *   what variables hold     the library */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include <stm/inline.h>

struct stm_pool;

/* The types, a file each, in the order in which they are made, and the
 * exceptions.  To add one is to add it here. */
#define STM__TYPES(X)                                                          \
    X(async)                                                                   \
    X(tvar)                                                                    \
    X(tlist)                                                                   \
    X(tlist_iterator)                                                          \
    X(tobject)                                                                 \
    X(queue)                                                                   \
    X(endpoint)                                                                \
    X(wakeups)                                                                 \
    X(map_iterator)                                                            \
    X(tdict)                                                                   \
    X(tdict_items)                                                             \
    X(tdict_keys)                                                              \
    X(tdict_values)                                                            \
    X(tset)                                                                    \
    X(watcher)                                                                 \
    X(eventloop)                                                               \
    X(pool)                                                                    \
    X(future)                                                                  \
    X(tcounter)                                                                \
    X(tfuture)                                                                 \
    X(tpriorityqueue)                                                          \
    X(tqueue)                                                                  \
    X(tsemaphore)                                                              \
    X(tticket)                                                                 \
    X(tweakref)                                                                \
    X(tweakref_link)

#define STM__EXCEPTIONS(X)                                                     \
    X(retry)    /* control: raised as a courtesy to the body */                \
    X(conflict) /* the same */                                                 \
    X(empty)                                                                   \
    X(full)                                                                    \
    X(timeout)                                                                 \
    X(diverged)

struct stm__state {
#define STM__TYPE(name) PyTypeObject *name;
    STM__TYPES(STM__TYPE)
#undef STM__TYPE
#define STM__EXCEPTION(name) PyObject *name;
    STM__EXCEPTIONS(STM__EXCEPTION)
#undef STM__EXCEPTION
};

extern struct PyModuleDef stm__module;

/* The state by the module, and by an object of one of its types or of a
 * subclass. */
struct stm__state *stm__state(PyObject *module);
struct stm__state *stm__state_of(PyObject *self);

/* Python objects as values of the library: counted, compared by identity, and
 * released on attached threads only. */
extern const struct stm_type stm__object_type;

/* Is the calling thread attached? */
bool stm__attached(void);

/* True from the end of a body until any code of the user's runs, which could
 * detach the thread by itself: whoever calls such code sets it to false.  Till
 * then the thread is known to be attached but while it waits. */
extern STM__THREAD_LOCAL bool stm__ending;

/* Passes what the library visits on to the collector. */
struct stm__visitor {
    visitproc visit;
    void *arg;
};
int stm__visit(stm_value value, void *context);

/* Gives a reference back where the last one may not run a finalizer now: in a
 * transaction, after the attempt.  NULL: nothing. */
void stm__discard(PyObject *object);

/* ---- errors.c: the only file that makes exceptions of statuses ---- */

/* Statuses of our own, returned by bodies and hooks. */
#define STM__RAISED ((enum stm_status)(STM_EUSER - 1)) /* in call->error */
#define STM__INTERRUPTED                                                       \
    ((enum stm_status)(STM_EUSER - 2)) /* exception set                        \
                                        */

#define STM__KEY_RAISED /* by a key's __hash__ or __eq__; exception set */     \
    ((enum stm_status)(STM_EUSER - 3))

int stm__errors_init(PyObject *module, struct stm__state *state);

/* Sets the exception for a status other than STM_OK; returns NULL. */
PyObject *stm__raise(struct stm__state *state, enum stm_status status);

/* The same for sequences: STM_ERANGE and STM_EEMPTY become an IndexError. */
PyObject *stm__raise_index(struct stm__state *state, enum stm_status status,
                           const char *message);

/* The running attempt, or NULL with an exception that says `what` was called
 * outside of one. */
struct stm_tx *stm__no_transaction(const char *what);

static inline struct stm_tx *stm__transaction(const char *what)
{
    struct stm_tx *tx = stm_current();

    return tx != NULL ? tx : stm__no_transaction(what);
}

/* Takes the exception that is set (NULL: none) with its traceback, and sets
 * one again, which takes the reference (NULL: does nothing). */
PyObject *stm__take_exception(void);
void stm__put_exception(PyObject *exception);

/* ---- call.c ---- */

/* One call into the library, on the caller's stack. */
struct stm__call {
    struct stm__call *outer;
    const struct stm_blocking *previous; /* hooks, if there is no outer call */
    PyObject *error;                     /* what a body raised last */
    bool worker; /* nobody is there to catch an exception */
};

/* Starts a call: from now on this thread waits detached. */
void stm__call_begin(struct stm__call *call);

/* Ends it.  Returns 0 for STM_OK, else sets the exception that belongs to the
 * status and returns -1. */
int stm__call_end(struct stm__call *call, struct stm__state *state,
                  enum stm_status status);

/* The same for the whole life of a pool's worker, and for a visit of the
 * library's service thread. */
void stm__call_begin_worker(struct stm__call *call);
void stm__call_end_worker(struct stm__call *call);

/* In a forked child, whose main thread is the one that forked. */
void stm__call_forget_thread(void);

/* Says what a body that raised the exception now set has to return, and keeps
 * that exception for stm__call_end, or drops it if the attempt is doomed. */
enum stm_status stm__call_failed(struct stm_tx *tx);

/* Runs a body that calls nothing of the user's, in or outside a transaction.
 * Returns 0, or -1 with an exception. */
int stm__call_run(struct stm__state *state, stm_body *body, void *argument);

/* A stm_body for a Python function of no arguments; *result is owned by who
 * set up the structure and starts as NULL. */
struct stm__body {
    PyObject *function;
    PyObject **result;
};
enum stm_status stm__body_run(struct stm_tx *tx, void *argument);

/* A stm_action: calls the function that is its argument.  An exception goes to
 * sys.unraisablehook. */
void stm__action_run(stm_value function);

/* ---- times.c ---- */

/* Seconds (a number, or None for ever) as nanoseconds; -1 with an exception. */
int stm__nanoseconds(PyObject *seconds, uint64_t *out);

/* A time as time.time() gives it; -1 with an exception. */
int stm__moment(PyObject *time, struct timespec *out);

/* STM_OK if neither time-out has passed and this attempt will wake when one
 * has, STM_ETIMEOUT if one has.  NULL: none. */
enum stm_status stm__check_timeout(struct stm_tx *tx, const uint64_t *after,
                                   const struct timespec *at);

/* ---- take.c: what may have to be waited for ---- */

/* The arguments block and timeout of a call. */
struct stm__patience {
    int block;
    uint64_t timeout;
};

/* Takes them from Python; `seconds` as in stm__nanoseconds. */
int stm__patience_init(struct stm__patience *patience, int block,
                       PyObject *seconds);

/* What a call returns that cannot be done now: a retry, STM_ETIMEOUT when it
 * has waited long enough, or `status` when it is not to wait. */
enum stm_status stm__wait_instead(struct stm_tx *tx, enum stm_status status,
                                  const struct stm__patience *patience);

/* A method that takes, or only looks at, the next item of a container. */
struct stm__taking {
    const char *what;   /* the method, for errors */
    const char *format; /* of its arguments block and timeout */
    int block;          /* what block is by default */

    /* STM_EEMPTY where there is nothing. */
    enum stm_status (*take)(struct stm_tx *tx, PyObject *container,
                            stm_value *out);
};
PyObject *stm__take_item(const struct stm__taking *taking, PyObject *container,
                         PyObject *args, PyObject *kwargs);

/* ---- cause.c: what a failed future holds ---- */

/* The cause of a failure by this exception; NULL with an exception. */
PyObject *stm__cause_new(PyObject *exception);

/* Raises the exception again; returns NULL. */
PyObject *stm__cause_raise(PyObject *cause);

/* ---- monitor.c ---- */

/* A lock and what is signalled when something under it changes.  Nothing else
 * is done under such a lock. */
struct stm__monitor {
    pthread_mutex_t lock;
    pthread_cond_t changed;
};
#define STM__MONITOR_INIT                                                      \
    {                                                                          \
        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER \
    }

/* Waits detached until over(), which is called under the lock, is true.
 * Returns None, or NULL with the exception of a signal's handler. */
PyObject *stm__monitor_await(struct stm__monitor *monitor, bool (*over)(void));

/* Starts anew in a forked child, where nobody holds it or waits. */
void stm__monitor_reset(struct stm__monitor *monitor);

/* ---- the types: stm__NAME_init makes one; -1 with an exception ---- */

#define STM__TYPE(name)                                                        \
    int stm__##name##_init(PyObject *module, struct stm__state *state);
STM__TYPES(STM__TYPE)
#undef STM__TYPE

/* The library's service thread is told of the interpreter. */
void stm__service_init(void);

/* Has __init__ given the object what it stands for?  False with an exception.
 */
bool stm__is_made(PyObject *self, const void *handle);

/* On the service thread: takes the reference in *slot, leaves NULL there, and
 * keeps it until the next one is taken or this visit ends.  Returns it,
 * borrowed, and does so again for the same slot; NULL where there was none.
 * The slot must last as long as what was in it. */
PyObject *stm__service_take(PyObject **slot);

/* Makes a type, keeps it in *slot, and adds it to the module. */
int stm__add_type(PyObject *module, PyTypeObject **slot, PyType_Spec *spec);

/* ---- module functions, by file ---- */

extern PyMethodDef stm__build_functions[];
extern PyMethodDef stm__errors_functions[];
extern PyMethodDef stm__transaction_functions[];
extern PyMethodDef stm__watcher_functions[];
extern PyMethodDef stm__stats_functions[];
extern PyMethodDef stm__workers_functions[];
extern PyMethodDef stm__service_functions[];

/* ---- class.c ---- */

/* PyObject_GetAttrString, but with the one object for the name: of each other
 * one Python's cache of attributes takes note. */
PyObject *stm__get_attribute(PyObject *object, const char *name);

/* The last part of the type's name, until anything runs that may change it. */
const char *stm__short_name(PyObject *object);

/* What a type or a base of it has by a name, unbound: a new reference, or NULL
 * with or without an exception. */
PyObject *stm__find_in_type(PyTypeObject *type, PyObject *name);

/* An object's special method, which is looked for in its class alone: bound, a
 * new reference, or NULL with or without an exception. */
PyObject *stm__bind_special(PyObject *object, const char *name);

/* ---- between types ---- */

/* workers.c: completes a pool's configuration so that its workers are attached
 * to the interpreter and call what they find in the list.  crew (None: nobody)
 * is told of each worker: see stm/futures.py.  -1 with an exception;
 * unconfigure is for a pool that comes to nothing. */
struct stm_pool_config;
int stm__workers_configure(struct stm_pool_config *config,
                           struct stm__state *state, PyObject *crew);
void stm__workers_unconfigure(struct stm_pool_config *config);

/* Tells them their pool.  Returns who they are, which lasts as long as it. */
struct stm__crew;
struct stm_pool;
struct stm__crew *stm__workers_serve(const struct stm_pool_config *config,
                                     struct stm_pool *pool);

/* True unless the calling worker's crew is broken; then the exception that its
 * tasks end with is set. */
bool stm__worker_check(void);

/* future.c: ThreadPool.submit(). */
PyObject *stm__future_submit(PyObject *pool, PyObject *const *args,
                             Py_ssize_t count);

/* The future that an object is, or NULL. */
struct stm_pool_future;
struct stm_pool_future *stm__future_of(struct stm__state *state,
                                       PyObject *object);

/* That future, an object, has ended, by a commit: tells all who want to know.
 * Outside transactions; more than once does no harm. */
void stm__future_announce(stm_value future);

/* Lets their pool go without waiting; in a transaction, after the attempt.  The
 * interpreter waits at exit until they are gone. */
void stm__workers_abandon(struct stm__crew *crew);

/* What a TPriorityQueue stands for, on which a pool works from now on. */
struct stm_tpriorityqueue *stm__tpriorityqueue_pool(PyObject *queue);

/* What TPriorityQueue.push() returns.  queue_id tells the queues apart. */
struct stm__tticket {
    PyObject_HEAD struct stm_ticket ticket;
    size_t queue_id;
};
struct stm__tticket *stm__tticket_new(struct stm__state *state,
                                      size_t queue_id);

/* wakeups.c: what the waker of an asynchronous call leaves with its loop's
 * Wakeups: a number that is the ticket's alone.  NULL: out of memory.  Pushing
 * takes the ticket over, and any thread may, attached or not. */
struct stm__ticket;
struct stm__ticket *stm__ticket_new(PyObject *wakeups, size_t *number);
void stm__ticket_push(PyObject *wakeups, struct stm__ticket *ticket);
void stm__ticket_free(struct stm__ticket *ticket);

/* Takes the endpoint, also when it fails. */
PyObject *stm__endpoint_object(struct stm__state *state,
                               struct stm_endpoint *endpoint);

#endif
