/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* The inside of stm.futures.Future, and putting one into a pool. */

#include "future-internal.h"
#include "pool-internal.h"

/* ---- life ---- */

static struct stm__future *future_alloc(PyTypeObject *type)
{
    struct stm__future *self = (struct stm__future *)type->tp_alloc(type, 0);
    const struct stm_pool_work work = {.function = stm__future_call,
                                       .argument = (stm_value)self,
                                       .result_type = &stm__object_type,
                                       .cause_type = &stm__object_type};

    if (self == NULL)
        return NULL;
    self->future = stm_pool_future_new(&work);
    if (self->future != NULL)
        return self;
    Py_DECREF(self);
    PyErr_NoMemory();
    return NULL;
}

static PyObject *future_new(PyTypeObject *type, PyObject *args,
                            PyObject *kwargs)
{
    (void)args;
    (void)kwargs;
    return (PyObject *)future_alloc(type);
}

/* That of concurrent.futures would set what is read-only here. */
static int future_init(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {NULL};

    (void)object;
    return PyArg_ParseTupleAndKeywords(args, kwargs, ":Future", keywords) ? 0
                                                                          : -1;
}

static int visit_callbacks(const struct stm__future *self, visitproc visit,
                           void *arg)
{
    if (self->callbacks == STM__CALLED)
        return 0;
    for (struct stm__callback *callback =
             (struct stm__callback *)self->callbacks;
         callback != NULL; callback = callback->next)
        Py_VISIT(callback->function);
    return 0;
}

static int future_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct stm__future *self = (struct stm__future *)object;
    struct stm__visitor visitor = {visit, arg};
    int result;

    Py_VISIT(Py_TYPE(object));
    if (self->function != 0) {
        Py_VISIT((PyObject *)self->function);
        Py_VISIT(self->args);
        Py_VISIT(self->kwargs);
        Py_VISIT(self->context);
    }
    Py_VISIT((PyObject *)self->condition);
    result = visit_callbacks(self, visit, arg);
    if (result != 0 || self->future == NULL)
        return result;
    return stm_tfuture_traverse(stm_pool_future_outcome(self->future),
                                stm__visit, &visitor);
}

static int future_clear(PyObject *object)
{
    struct stm__future *self = (struct stm__future *)object;
    PyObject *condition = (PyObject *)self->condition;

    self->condition = 0;
    Py_XDECREF(condition);
    stm__future_drop_work(self);
    stm__future_drop_callbacks(self);
    if (self->future != NULL)
        stm_tfuture_discard(stm_pool_future_outcome(self->future));
    return 0;
}

static bool is_unasked(const struct stm__future *self)
{
    return AO_load(&self->raised) && !AO_load(&self->asked);
}

/* What a task has raised is not to be lost because nobody asked.  Outside
 * transactions; takes the reference. */
static void report(stm_value value)
{
    PyObject *object = (PyObject *)value;
    PyObject *before = stm__take_exception(), *exception = NULL;

    if (is_unasked((struct stm__future *)object))
        exception = stm__future_get_exception(object, NULL);
    if (exception != NULL && exception != Py_None)
        stm__put_exception(Py_NewRef(exception));
    Py_XDECREF(exception);
    if (PyErr_Occurred() != NULL)
        PyErr_WriteUnraisable(object);
    stm__put_exception(before);
    Py_DECREF(object);
}

static bool may_report(stm_value value)
{
    (void)value;
    return stm__attached();
}

static const struct stm_type unasked_type = {
    .name = "unasked future", .release = report, .may_release = may_report};

/* In a transaction it lives on until the attempt has ended: one that is doomed
 * can be asked nothing, and what it has done itself may come to nothing. */
static void future_finalize(PyObject *object)
{
    struct stm_tx *tx = stm_current();

    if (!is_unasked((struct stm__future *)object))
        return;
    Py_INCREF(object);
    if (tx == NULL ||
        stm_release_later(tx, &unasked_type, (stm_value)object) != STM_OK)
        report((stm_value)object);
}

static void future_dealloc(PyObject *object)
{
    struct stm__future *self = (struct stm__future *)object;
    PyTypeObject *type = Py_TYPE(object);

    if (PyObject_CallFinalizerFromDealloc(object) < 0)
        return;
    PyObject_GC_UnTrack(object);
    Py_TRASHCAN_BEGIN(self, future_dealloc)
        stm__discard((PyObject *)self->condition);
    stm__future_drop_work(self);
    stm__future_drop_callbacks(self);
    if (self->future != NULL)
        stm_pool_future_release(self->future);
    type->tp_free(object);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

/* ---- for those who wait by concurrent.futures ---- */

/* The Condition, which is made when it is first asked for. */
static PyObject *future_condition(PyObject *object, void *unused)
{
    struct stm__future *self = (struct stm__future *)object;
    AO_t condition = AO_load_acquire(&self->condition);
    PyObject *maker, *made = NULL;

    (void)unused;
    if (condition != 0)
        return Py_NewRef((PyObject *)condition);
    maker = stm__get_attribute(object, "_make_condition");
    if (maker != NULL)
        made = PyObject_CallNoArgs(maker);
    Py_XDECREF(maker);
    if (made == NULL)
        return NULL;
    if (AO_compare_and_swap_full(&self->condition, 0, (AO_t)made))
        return Py_NewRef(made);
    Py_DECREF(made);
    return Py_NewRef((PyObject *)AO_load_acquire(&self->condition));
}

static PyObject *future_made_condition(PyObject *object, void *unused)
{
    AO_t condition =
        AO_load_acquire(&((struct stm__future *)object)->condition);

    (void)unused;
    return Py_NewRef(condition != 0 ? (PyObject *)condition : Py_None);
}

/* ---- into a pool ---- */

struct stm_pool_future *stm__future_of(struct stm__state *state,
                                       PyObject *object)
{
    return PyObject_TypeCheck(object, state->future)
               ? ((struct stm__future *)object)->future
               : NULL;
}

/* What concurrent.futures calls the state of a future that a pool has
 * cancelled: nobody will be told of it later. */
static struct stm__future *future_for(PyObject *const *args)
{
    struct stm__future *self = future_alloc((PyTypeObject *)args[0]);

    if (self == NULL)
        return NULL;
    self->notified = 1;
    self->context = PyContext_CopyCurrent();
    if (self->context == NULL) {
        Py_DECREF(self);
        return NULL;
    }
    self->args = Py_NewRef(args[2]);
    if (PyDict_GET_SIZE(args[3]) > 0)
        self->kwargs = Py_NewRef(args[3]);
    self->function = (AO_t)Py_NewRef(args[1]);
    return self;
}

/* Its address stands for the thread. */
static STM__THREAD_LOCAL char self_mark;

bool stm__future_is_fresh(const struct stm__future *self)
{
    return AO_load(&self->fresh) == (AO_t)&self_mark;
}

/* The attempt has ended, and before anything else is done on this thread.  If
 * it has come to nothing, so has the future. */
static void settle(stm_value value)
{
    struct stm__future *self = (struct stm__future *)value;
    PyObject *exception = stm__take_exception();
    enum stm_pool_future_state state;
    struct stm__call call;
    enum stm_status status;

    AO_store(&self->fresh, 0);
    stm__call_begin(&call);
    status = stm_pool_future_state(self->future, &state);
    if (status == STM_OK && state == STM_POOL_NEW)
        status = stm_pool_future_cancel(self->future);
    if (stm__call_end(&call, stm__state_of((PyObject *)self), status) < 0)
        PyErr_WriteUnraisable((PyObject *)self);
    else if (state == STM_POOL_NEW)
        stm__future_announce(value);
    stm__put_exception(exception);
    Py_DECREF(self);
}

static bool may_settle(stm_value value)
{
    (void)value;
    return stm__attached();
}

static const struct stm_type fresh_type = {
    .name = "fresh future", .release = settle, .may_release = may_settle};

static enum stm_status submit(struct stm_pool *pool, struct stm__future *future,
                              const struct stm_pool_order *order)
{
    struct stm_tx *tx = stm_current();
    enum stm_status status;

    if (tx == NULL)
        return stm_pool_submit_order(pool, order);
    future->fresh = (AO_t)&self_mark;
    Py_INCREF(future);
    status = stm_release_later(tx, &fresh_type, order->task);
    if (status != STM_OK) {
        Py_DECREF(future);
        return status;
    }
    return stm_pool_submit_order(pool, order);
}

static int check_arguments(struct stm__state *state, PyObject *const *args,
                           Py_ssize_t count)
{
    if (count >= 4 && count <= 6 && PyType_Check(args[0]) &&
        PyType_IsSubtype((PyTypeObject *)args[0], state->future) &&
        PyTuple_Check(args[2]) && PyDict_Check(args[3]))
        return 0;
    PyErr_SetString(PyExc_TypeError,
                    "submit() expects a type of futures, a function, a tuple, "
                    "a dict and perhaps a priority and a delay");
    return -1;
}

PyObject *stm__future_submit(PyObject *object, PyObject *const *args,
                             Py_ssize_t count)
{
    struct stm_pool *pool = stm__pool_of(object);
    struct stm__state *state = stm__state_of(object);
    struct stm_pool_order order = {.priority = 0};
    struct stm__future *future;
    struct stm__call call;
    enum stm_status status;

    if (pool == NULL || check_arguments(state, args, count) < 0 ||
        (count > 4 && stm__pool_take_priority(object, args[4], &order) < 0) ||
        (count > 5 && stm__pool_take_delay(args[5], &order) < 0))
        return NULL;
    future = future_for(args);
    if (future == NULL)
        return NULL;
    order.task = (stm_value)future;
    stm__call_begin(&call);
    status = submit(pool, future, &order);
    if (stm__call_end(&call, state, status) == 0)
        return (PyObject *)future;
    stm__discard((PyObject *)future);
    return NULL;
}

/* ---- the type ---- */

static PyGetSetDef properties[] = {
    {"_condition", future_condition, NULL,
     PyDoc_STR("What concurrent.futures waits for."), NULL},
    {"_made_condition", future_made_condition, NULL,
     PyDoc_STR("The same, or None if nobody has asked for it yet."), NULL},
    {"_result", stm__future_get_result, NULL,
     PyDoc_STR("What the task returned, or None."), NULL},
    {"_exception", stm__future_get_exception, NULL,
     PyDoc_STR("What the task raised, or None."), NULL},
    {"_failed", stm__future_has_failed, NULL,
     PyDoc_STR("Whether the future has ended without a result."), NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)"Future()\n--\n\nThe inside of a future."},
    {Py_tp_new, future_new},
    {Py_tp_init, future_init},
    {Py_tp_dealloc, future_dealloc},
    {Py_tp_finalize, future_finalize},
    {Py_tp_traverse, future_traverse},
    {Py_tp_clear, future_clear},
    {Py_tp_methods, stm__future_asking},
    {Py_tp_getset, properties},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "stm._stm.Future",
    .basicsize = sizeof(struct stm__future),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC |
             Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

int stm__future_init(PyObject *module, struct stm__state *state)
{
    return stm__add_type(module, &state->future, &spec);
}
