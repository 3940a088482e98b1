/* SPDX-FileCopyrightText: 2026 The stm authors
 * SPDX-License-Identifier: MIT */
#ifndef STM_STM_H
#define STM_STM_H

/* Software transactional memory: the whole of libstm's interface. */

#include <stm/broadcast.h>
#include <stm/eventloop.h>
#include <stm/map.h>
#include <stm/seq.h>
#include <stm/service.h>
#include <stm/stats.h>
#include <stm/status.h>
#include <stm/tcounter.h>
#include <stm/tdict.h>
#include <stm/tfuture.h>
#include <stm/tlist.h>
#include <stm/tobject.h>
#include <stm/tpriorityqueue.h>
#include <stm/tqueue.h>
#include <stm/transaction.h>
#include <stm/tsemaphore.h>
#include <stm/tset.h>
#include <stm/tvar.h>
#include <stm/tweakref.h>
#include <stm/value.h>
#include <stm/watcher.h>

#endif
