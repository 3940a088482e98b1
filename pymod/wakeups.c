/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */

/* Wakeups: where the threads that wake the asynchronous calls of one event loop
 * leave word of that.  They may not be attached, so that all they do is to push
 * a ticket onto a stack and, if that was empty, to make a descriptor readable
 * that the loop watches. */

#include "module-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic_ops.h>

struct stm__ticket {
    struct stm__ticket *next; /* in the stack */
    size_t number;
};

/* Whoever may push has a reference. */
struct wakeups {
    PyObject_HEAD AO_t
        tickets;     /* struct stm__ticket *: the last pushed first */
    AO_t numbers;    /* given out so far */
    AO_t descriptor; /* an eventfd plus 1; 0: none */
};

struct stm__ticket *stm__ticket_new(PyObject *wakeups, size_t *number)
{
    struct stm__ticket *ticket = malloc(sizeof *ticket);

    if (ticket != NULL)
        *number = ticket->number =
            AO_fetch_and_add1(&((struct wakeups *)wakeups)->numbers) + 1;
    return ticket;
}

void stm__ticket_free(struct stm__ticket *ticket) { free(ticket); }

/* A descriptor that is full is readable all the same. */
static void ring(const struct wakeups *self)
{
    const uint64_t one = 1;
    AO_t descriptor = AO_load_acquire(&self->descriptor);
    int before = errno;

    if (descriptor != 0)
        while (write((int)descriptor - 1, &one, sizeof one) < 0 &&
               errno == EINTR)
            ;
    errno = before;
}

/* Either this sees the descriptor, or who opened it sees the ticket. */
void stm__ticket_push(PyObject *wakeups, struct stm__ticket *ticket)
{
    struct wakeups *self = (struct wakeups *)wakeups;
    AO_t head;

    do {
        head = AO_load(&self->tickets);
        ticket->next = (struct stm__ticket *)head;
    } while (!AO_compare_and_swap_full(&self->tickets, head, (AO_t)ticket));
    if (head == 0)
        ring(self);
}

static struct stm__ticket *take_all(struct wakeups *self)
{
    AO_t head;

    do
        head = AO_load(&self->tickets);
    while (!AO_compare_and_swap_full(&self->tickets, head, 0));
    return (struct stm__ticket *)head;
}

static void free_all(struct stm__ticket *ticket)
{
    struct stm__ticket *next;

    for (; ticket != NULL; ticket = next) {
        next = ticket->next;
        free(ticket);
    }
}

/* Before the stack is emptied: what comes after that rings again. */
static void silence(const struct wakeups *self)
{
    AO_t descriptor = AO_load_acquire(&self->descriptor);
    uint64_t count;

    if (descriptor != 0)
        while (read((int)descriptor - 1, &count, sizeof count) < 0 &&
               errno == EINTR)
            ;
}

/* The numbers, the first pushed first. */
static PyObject *numbers_of(const struct stm__ticket *tickets)
{
    PyObject *numbers = PyList_New(0);

    for (; tickets != NULL && numbers != NULL; tickets = tickets->next) {
        PyObject *number = PyLong_FromSize_t(tickets->number);

        if (number == NULL || PyList_Append(numbers, number) < 0)
            Py_CLEAR(numbers);
        Py_XDECREF(number);
    }
    if (numbers != NULL && PyList_Reverse(numbers) < 0)
        Py_CLEAR(numbers);
    return numbers;
}

/* Puts back what could not be told, above what has come since. */
static void put_back(struct wakeups *self, struct stm__ticket *tickets)
{
    struct stm__ticket *next;

    for (; tickets != NULL; tickets = next) {
        next = tickets->next;
        stm__ticket_push((PyObject *)self, tickets);
    }
    ring(self);
}

static PyObject *wakeups_take(PyObject *object, PyObject *unused)
{
    struct wakeups *self = (struct wakeups *)object;
    struct stm__ticket *tickets;
    PyObject *numbers;

    (void)unused;
    silence(self);
    tickets = take_all(self);
    numbers = numbers_of(tickets);
    if (numbers != NULL)
        free_all(tickets);
    else
        put_back(self, tickets);
    return numbers;
}

static void close_descriptor(struct wakeups *self)
{
    AO_t descriptor;

    do
        descriptor = AO_load(&self->descriptor);
    while (!AO_compare_and_swap_full(&self->descriptor, descriptor, 0));
    if (descriptor != 0)
        (void)close((int)descriptor - 1);
}

static PyObject *wakeups_open(PyObject *object, PyObject *unused)
{
    struct wakeups *self = (struct wakeups *)object;
    int descriptor;

    (void)unused;
    if (AO_load(&self->descriptor) != 0) {
        PyErr_SetString(PyExc_RuntimeError, "the descriptor is open already");
        return NULL;
    }
    descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (descriptor < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    AO_store_full(&self->descriptor, (AO_t)descriptor + 1);
    if (AO_load_full(&self->tickets) != 0)
        ring(self);
    return PyLong_FromLong(descriptor);
}

static PyObject *wakeups_close(PyObject *object, PyObject *unused)
{
    (void)unused;
    close_descriptor((struct wakeups *)object);
    Py_RETURN_NONE;
}

static PyObject *wakeups_new(PyTypeObject *type, PyObject *args,
                             PyObject *kwargs)
{
    static char *keywords[] = {NULL};

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, ":Wakeups", keywords))
        return NULL;
    return type->tp_alloc(type, 0);
}

static void wakeups_dealloc(PyObject *object)
{
    struct wakeups *self = (struct wakeups *)object;
    PyTypeObject *type = Py_TYPE(self);

    free_all(take_all(self));
    close_descriptor(self);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"open", wakeups_open, METH_NOARGS,
     PyDoc_STR("open($self, /)\n--\n\n"
               "Return a new descriptor that is readable when there is\n"
               "something to take.")},
    {"take", wakeups_take, METH_NOARGS,
     PyDoc_STR("take($self, /)\n--\n\n"
               "Return the numbers of the calls that have been woken since\n"
               "this was last asked.")},
    {"close", wakeups_close, METH_NOARGS,
     PyDoc_STR("close($self, /)\n--\n\n"
               "Close the descriptor.  No call that was to be told of by it\n"
               "may be blocked.")},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc,
     (void *)"Wakeups()\n--\n\nTells an event loop which calls can go on."},
    {Py_tp_new, wakeups_new},
    {Py_tp_dealloc, wakeups_dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "stm._stm.Wakeups",
    .basicsize = sizeof(struct wakeups),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

int stm__wakeups_init(PyObject *module, struct stm__state *state)
{
    return stm__add_type(module, &state->wakeups, &spec);
}
