/* SPDX-License-Identifier: Apache-2.0 */
#include "replay.h"

#include <sched.h>
#include <stdlib.h>

#include "base/thread.h"

/* Windows under way at a time: one is filled, one applied, the others even out who is faster at the moment. */
#define WINDOWS 4u
/* Of one lane in one window: a quarter of a megabyte, so that lanes find what the caller wrote in a cache that they share. */
#define ITEMS 4096u
/* A window with less than this part of one lane's items is not worth waking anybody. */
#define SMALL_PART 8u
/* Records looked up and fetched ahead of the first one's turn. */
#define AHEAD 32u

lsr_replay_tuning_t lsr_replay_tuning;

/* One record of log or snapshot, taken apart. */
typedef struct {
	uint32_t address; /* IPv4; those of IPv6 lie beside the items */
	bool is_end;
	bool is_six;
	lsr_body_t body; /* of an end: the LSN only */
} lsr_item_t;

static_assert(sizeof(lsr_item_t) == LSR_CACHE_LINE_BYTES, "an item is one line");
static_assert(LSR_REPLAY_THREADS_MAX <= LSR_PAGE_RUNS, "a run for each lane");

/* What an item changed, for the counters. */
enum {
	NOTE_REMOVED = 1, /* what the counter in bits 3-5 counted went away */
	NOTE_ADDED = 2,   /* something for the counter in bits 6-8 came */
	NOTE_IN_POOL = 4,
	NOTE_OLD_SHIFT = 3,
	NOTE_NEW_SHIFT = 6
};

typedef struct {
	lsr_scope_t *scope; /* NULL: it changed nothing */
	uint16_t what;
} lsr_note_t;

typedef struct {
	lsr_item_t *items;
	lessor_address6_t *addresses6; /* of the items that are IPv6 leases */
	lsr_note_t *notes;
	uint32_t count;
} lsr_share_t;

/* The lane that a record went to; and what the caller knows about its counting. */
enum { ORDER_LANE = 15, ORDER_MARKS = 16, ORDER_COUNTS = 32 };

typedef struct {
	lsr_share_t share[LSR_REPLAY_THREADS_MAX];
	uint8_t *order; /* of all records */
	uint32_t count;
} lsr_window_t;

typedef struct {
	lsr_replay_t *replay;
	unsigned number;
	lsr_scope_t *last_scope; /* most records come in runs of one scope */
	lsr_scope_t *last_scope6;
	lsr_page_run_t run;
	uint64_t finished; /* windows; lock */
	pthread_t thread;
} lsr_lane_t;

struct lsr_replay {
	lessor_engine_t *engine;
	unsigned lanes;
	unsigned items; /* of a share */
	bool strict;    /* an address without a scope is damage */
	bool alone;     /* the caller serves all lanes, out of one run of pages */
	uint64_t settled_lsn;
	lsr_window_t window[WINDOWS];
	lsr_lane_t lane[LSR_REPLAY_THREADS_MAX];
	unsigned threads;       /* lanes that have one */
	pthread_mutex_t lock;   /* protects dispatched, finished, stopping, failed_status */
	pthread_cond_t work;    /* dispatched or stopping has changed */
	pthread_cond_t results; /* finished has changed */
	uint64_t dispatched;    /* windows handed to the lanes; written by the caller only */
	uint64_t retired;       /* windows whose notes are in the counters; the caller's */
	bool stopping;
	_Atomic uint64_t failed_lsn; /* only falls */
	lessor_status_t failed_status;
};

/* ---- lanes --------------------------------------------------------------------------------------------------------- */

void
lsr_replay_vacate(lsr_record_t *record, const lsr_body_t *body) {
	lsr_record_vacate(record, lsr_record_hide(record, lsr_record_word(record)));
	lsr_tail_free(body->tail);
}

/* Another lane may look at the place as soon as it looks free: hidden before, with the claim set, and vacated last. */
void
lsr_replay_vacate6(lessor_engine_t *engine, lsr_scope_t *scope, uint32_t id, const lsr_body_t *body) {
	lsr_record_t *record = lsr_pages_record(&engine->pages, id);
	const uint32_t place = lsr_table_address(&scope->table, &engine->pages, id);
	const uint64_t hidden = lsr_record_hide(record, lsr_record_word(record));
	lsr_table_free(lsr_sparse_table(scope->sparse, place), place);
	(void)lsr_index_remove(&scope->sparse->index, lsr_engine_low(engine, id), id);
	lsr_record_vacate(record, hidden);
	lsr_tail_free(body->tail);
}

static void
fail(lsr_replay_t *replay, uint64_t lsn, lessor_status_t status) {
	(void)pthread_mutex_lock(&replay->lock);
	if (lsn < atomic_load_explicit(&replay->failed_lsn, memory_order_relaxed)) {
		replay->failed_status = status;
		atomic_store_explicit(&replay->failed_lsn, lsn, memory_order_relaxed);
	}
	(void)pthread_mutex_unlock(&replay->lock);
}

static lsr_scope_t *
scope_of(lsr_lane_t *lane, uint32_t address) {
	lsr_scope_t *scope = lane->last_scope;
	if (scope == NULL || (address & scope->mask) != scope->subnet) {
		scope = lsr_engine_scope_of(lane->replay->engine, address);
		lane->last_scope = scope;
	}
	return scope;
}

static lsr_scope_t *
scope6_of(lsr_lane_t *lane, uint64_t prefix) {
	lsr_scope_t *scope = lane->last_scope6;
	if (scope == NULL || scope->sparse->prefix != prefix) {
		scope = lsr_engine_scope6_of(lane->replay->engine, prefix);
		lane->last_scope6 = scope;
	}
	return scope;
}

/* Find the scope of an item, and have the way to its record fetched. */
static void
look_up_scope(lsr_lane_t *lane, const lsr_item_t *item, const lessor_address6_t *address6, lsr_note_t *note) {
	*note = (lsr_note_t){.scope = item->is_six ? scope6_of(lane, address6->high) : scope_of(lane, item->address)};
	if (note->scope != NULL && !item->is_six) {
		const lsr_table_t *table = &note->scope->table;
		lsr_table_prefetch(table, item->address);
	} else if (note->scope == NULL && lane->replay->strict) {
		fail(lane->replay, item->body.lsn, LESSOR_DAMAGED);
	}
}

/* As lsr_table_touch(), but pages come from the lane's run, and nobody else brings this one. */
static uint32_t
touch(lsr_lane_t *lane, lsr_table_t *table, uint32_t address) {
	const uint32_t index = (address - table->subnet) >> LSR_PAGE_SHIFT;
	if (LSR_UNLIKELY(lsr_table_page(table, index) == 0)) {
		const uint32_t page =
			lsr_pages_take_run(&lane->replay->engine->pages, &lane->run, table, index << LSR_PAGE_SHIFT);
		atomic_store_explicit(lsr_table_entry(table, index), page, memory_order_release); /* D1 */
	}
	return lsr_table_peek(table, address);
}

/* The record of an item; NULL: there is none, or none to be had. Of an IPv6 address only the one it has now, to be fetched. */
static lsr_record_t *
look_up_record(lsr_lane_t *lane, const lsr_item_t *item, const lessor_address6_t *address6, const lsr_note_t *note) {
	lsr_replay_t *replay = lane->replay;
	if (note->scope == NULL) {
		return NULL;
	}
	if (item->is_six) {
		const uint32_t found = lsr_index_find(&note->scope->sparse->index, address6->low);
		return found != LSR_NO_RECORD ? lsr_pages_record(&replay->engine->pages, found) : NULL;
	}
	lsr_table_t *table = &note->scope->table;
	const uint32_t id = item->is_end ? lsr_table_peek(table, item->address) : touch(lane, table, item->address);
	if (id == LSR_NO_RECORD) {
		if (!item->is_end) {
			fail(replay, item->body.lsn, LESSOR_NO_MEMORY);
		}
		return NULL;
	}
	return lsr_pages_record(&replay->engine->pages, id);
}

/* The record of an IPv6 address, when it is its turn; a lease gets one, claimed, if it has none. LSR_NO_RECORD: none, or none to be had. */
static uint32_t
settle_record6(lsr_replay_t *replay, const lsr_item_t *item, uint64_t low, lsr_scope_t *scope) {
	lessor_engine_t *engine = replay->engine;
	lsr_place_t place;
	uint32_t id = lsr_index_find(&scope->sparse->index, low);
	if (id != LSR_NO_RECORD || item->is_end) {
		return id;
	}
	lessor_status_t status = lsr_engine_claim_place(engine, scope, &place);
	if (status == LESSOR_OK) {
		atomic_store_explicit(lsr_pages_low(&engine->pages, place.record_id), low, memory_order_release);
		if (lsr_index_insert(&scope->sparse->index, low, place.record_id, &id) == LSR_INDEX_DONE) {
			return place.record_id;
		}
		lsr_record_unclaim(lsr_pages_record(&engine->pages, place.record_id), place.word);
		status = LESSOR_NO_MEMORY;
	}
	fail(replay, item->body.lsn, status);
	return LSR_NO_RECORD;
}

/* What an item changes, for the counters. */
static void
note_change(lsr_note_t *note, const lsr_body_t *old, const lsr_item_t *item, bool in_pool) {
	if (old != NULL) {
		note->what |= (uint16_t)(NOTE_REMOVED | lsr_body_counter(old) << NOTE_OLD_SHIFT);
	}
	if (!item->is_end) {
		note->what |= (uint16_t)(NOTE_ADDED | lsr_body_counter(&item->body) << NOTE_NEW_SHIFT);
	}
	note->what |= in_pool ? NOTE_IN_POOL : 0;
}

static bool
is_late(const lsr_replay_t *replay, const lsr_item_t *item) {
	return item->body.lsn >= atomic_load_explicit(&replay->failed_lsn, memory_order_relaxed);
}

static void
apply(const lsr_replay_t *replay, const lsr_item_t *item, lsr_record_t *record, lsr_note_t *note) {
	lsr_body_t old;
	const bool occupied = record != NULL && lsr_record_read(record, replay->engine->shadows, &old);
	if (record == NULL || is_late(replay, item) || (occupied && old.lsn >= item->body.lsn)) {
		lsr_tail_free(item->body.tail);
		return;
	}
	if (!item->is_end) {
		if (occupied) {
			lsr_tail_free(old.tail);
		}
		lsr_record_publish(record, lsr_record_word(record), &item->body);
	} else if (occupied) {
		lsr_replay_vacate(record, &old);
	}
	note_change(note, occupied ? &old : NULL, item,
		    lsr_scope_in_pool(lsr_scope_config(note->scope), item->address));
}

/* The same for an IPv6 address: whatever its entry in the index leads to is a lease, or was claimed for this one. */
static void
apply6(lsr_replay_t *replay, const lsr_item_t *item, uint64_t low, lsr_note_t *note) {
	lsr_body_t old;
	const uint32_t id = note->scope != NULL && !is_late(replay, item)
				    ? settle_record6(replay, item, low, note->scope)
				    : LSR_NO_RECORD;
	lsr_record_t *record = lsr_pages_record(&replay->engine->pages, id);
	const bool occupied = id != LSR_NO_RECORD && lsr_record_read(record, replay->engine->shadows, &old);
	if (id == LSR_NO_RECORD || (occupied && old.lsn >= item->body.lsn)) {
		lsr_tail_free(item->body.tail);
		return;
	}
	if (!item->is_end) {
		const uint32_t place = lsr_table_address(&note->scope->table, &replay->engine->pages, id);
		if (occupied) {
			lsr_tail_free(old.tail);
		}
		lsr_body_t body = item->body;
		(void)lsr_body_move_in(&body, lsr_pages_home_tail(&replay->engine->pages, id));
		lsr_record_publish(record, lsr_record_word(record), &body);
		lsr_table_take(lsr_sparse_table(note->scope->sparse, place), place, lsr_body_ends_at(&item->body));
	} else if (occupied) {
		lsr_replay_vacate6(replay->engine, note->scope, id, &old);
	}
	note_change(note, occupied ? &old : NULL, item, lsr_scope6_in_pool(lsr_scope_config(note->scope), low));
}

static void
run_share(lsr_lane_t *lane, lsr_share_t *share) {
	lsr_record_t *record[AHEAD];
	for (uint32_t at = 0; at < share->count; at += AHEAD) {
		const uint32_t count = (uint32_t)lsr_min_u64(AHEAD, share->count - at);
		const lessor_address6_t *addresses6 = share->addresses6 + at;
		lsr_rcu_enter(); /* the index of an IPv6 scope wants it */
		for (uint32_t i = 0; i < count; i++) {
			look_up_scope(lane, &share->items[at + i], &addresses6[i], &share->notes[at + i]);
		}
		for (uint32_t i = 0; i < count; i++) {
			record[i] = look_up_record(lane, &share->items[at + i], &addresses6[i], &share->notes[at + i]);
		}
		/* In a loop of their own: a prefetch does not retire before its address is translated. */
		for (uint32_t i = 0; i < count; i++) {
			lsr_prefetch_write(record[i]);
		}
		for (uint32_t i = 0; i < count; i++) {
			const lsr_item_t *item = &share->items[at + i];
			if (LSR_UNLIKELY(item->is_six)) {
				apply6(lane->replay, item, addresses6[i].low, &share->notes[at + i]);
			} else {
				apply(lane->replay, item, record[i], &share->notes[at + i]);
			}
		}
		lsr_rcu_leave();
		lsr_rcu_brake();
	}
}

static void *
run_lane(void *argument) {
	lsr_lane_t *lane = argument;
	lsr_replay_t *replay = lane->replay;
	(void)pthread_mutex_lock(&replay->lock);
	for (;;) {
		while (lane->finished == replay->dispatched && !replay->stopping) {
			(void)pthread_cond_wait(&replay->work, &replay->lock);
		}
		if (lane->finished == replay->dispatched) {
			break;
		}
		lsr_share_t *share = &replay->window[lane->finished % WINDOWS].share[lane->number];
		(void)pthread_mutex_unlock(&replay->lock);
		run_share(lane, share);
		(void)pthread_mutex_lock(&replay->lock);
		lane->finished++;
		(void)pthread_cond_signal(&replay->results);
	}
	(void)pthread_mutex_unlock(&replay->lock);
	return NULL;
}

/* ---- counting: the caller's ---------------------------------------------------------------------------------------- */

static void
count(const lsr_note_t *note, unsigned order) {
	lsr_counters_t *counters = &note->scope->counters;
	const uint64_t unit = lsr_counters_unit((note->what & NOTE_IN_POOL) != 0);
	if ((order & ORDER_COUNTS) != 0) {
		(void)atomic_fetch_add_explicit(&counters->deletes[0], 1, memory_order_relaxed);
	}
	if ((note->what & NOTE_REMOVED) != 0) {
		const unsigned counter = note->what >> NOTE_OLD_SHIFT & 7u;
		if ((order & ORDER_MARKS) != 0) {
			lsr_counters_subtract(counters, counter, unit);
		} else {
			lsr_counters_take_back(counters, counter, unit);
		}
	}
	if ((note->what & NOTE_ADDED) != 0) {
		lsr_counters_add(counters, note->what >> NOTE_NEW_SHIFT & 7u, unit);
	}
}

/* The notes of a finished window, in the order of its records. The counters of many scopes are cold, hence the look ahead. */
static void
retire(lsr_replay_t *replay, lsr_window_t *window) {
	uint32_t next[LSR_REPLAY_THREADS_MAX] = {0};
	for (uint32_t i = 0; i < window->count; i++) {
		const unsigned order = window->order[i];
		const unsigned lane = order & ORDER_LANE;
		const lsr_share_t *share = &window->share[lane];
		const uint32_t at = next[lane]++;
		if (at + AHEAD < share->count && share->notes[at + AHEAD].scope != NULL) {
			lsr_prefetch_write(&share->notes[at + AHEAD].scope->counters);
		}
		if (share->notes[at].scope != NULL) {
			count(&share->notes[at], order);
		}
	}
	for (unsigned lane = 0; lane < replay->lanes; lane++) {
		window->share[lane].count = 0;
	}
	window->count = 0;
	replay->retired++;
}

/* ---- windows: the caller's ----------------------------------------------------------------------------------------- */

static lsr_window_t *
filling(lsr_replay_t *replay) {
	return &replay->window[replay->dispatched % WINDOWS];
}

static bool
make_window(const lsr_replay_t *replay, lsr_window_t *window) {
	window->order = malloc((size_t)replay->items * replay->lanes);
	bool done = window->order != NULL;
	for (unsigned lane = 0; lane < replay->lanes; lane++) {
		lsr_share_t *share = &window->share[lane];
		share->items = aligned_alloc(LSR_CACHE_LINE_BYTES, replay->items * sizeof(share->items[0]));
		share->addresses6 = malloc(replay->items * sizeof(share->addresses6[0]));
		share->notes = malloc(replay->items * sizeof(share->notes[0]));
		done = done && share->items != NULL && share->addresses6 != NULL && share->notes != NULL;
	}
	return done;
}

static void
free_window(const lsr_replay_t *replay, lsr_window_t *window) {
	for (unsigned lane = 0; lane < replay->lanes; lane++) {
		for (uint32_t i = 0; i < window->share[lane].count; i++) {
			lsr_tail_free(window->share[lane].items[i].body.tail);
		}
		free(window->share[lane].items);
		free(window->share[lane].addresses6);
		free(window->share[lane].notes);
	}
	free(window->order);
}

/* The lanes have their threads from the first window on that is worth it. Those that get none are served by the caller. */
static void
start_threads(lsr_replay_t *replay) {
	while (replay->lanes > 1 && replay->threads < replay->lanes) {
		lsr_lane_t *lane = &replay->lane[replay->threads];
		lane->finished = replay->dispatched;
		if (!lsr_thread_start(&lane->thread, run_lane, lane)) {
			break;
		}
		replay->threads++;
	}
}

static uint64_t
finished(const lsr_replay_t *replay) {
	uint64_t least = replay->dispatched;
	for (unsigned lane = 0; lane < replay->threads; lane++) {
		least = lsr_min_u64(least, replay->lane[lane].finished);
	}
	return least;
}

/* Retire what the lanes have finished; wait until no more than 'most' windows are under way. */
static void
collect(lsr_replay_t *replay, uint64_t most) {
	while (replay->dispatched != replay->retired) {
		(void)pthread_mutex_lock(&replay->lock);
		while (finished(replay) == replay->retired && replay->dispatched - replay->retired > most) {
			(void)pthread_cond_wait(&replay->results, &replay->lock);
		}
		const uint64_t ready = finished(replay);
		(void)pthread_mutex_unlock(&replay->lock);
		if (ready == replay->retired) {
			break;
		}
		while (replay->retired < ready) {
			retire(replay, &replay->window[replay->retired % WINDOWS]);
		}
	}
}

/* Hand the window over. Lanes without a thread are served here, before those with one: their order does not matter. */
static void
dispatch(lsr_replay_t *replay, bool alone) {
	lsr_window_t *window = filling(replay);
	replay->alone = alone;
	if (!alone) {
		start_threads(replay);
	}
	for (unsigned lane = alone ? 0 : replay->threads; lane < replay->lanes; lane++) {
		run_share(&replay->lane[lane], &window->share[lane]);
	}
	(void)pthread_mutex_lock(&replay->lock);
	replay->dispatched++;
	for (unsigned lane = 0; alone && lane < replay->threads; lane++) {
		replay->lane[lane].finished++;
	}
	(void)pthread_cond_broadcast(&replay->work);
	(void)pthread_mutex_unlock(&replay->lock);
	collect(replay, WINDOWS - 1);
}

static lessor_status_t
state_of(lsr_replay_t *replay) {
	lessor_status_t status = LESSOR_OK;
	if (LSR_UNLIKELY(atomic_load_explicit(&replay->failed_lsn, memory_order_relaxed) != UINT64_MAX)) {
		(void)pthread_mutex_lock(&replay->lock);
		status = replay->failed_status;
		(void)pthread_mutex_unlock(&replay->lock);
	}
	return status;
}

/* The lane of an address: neighbours of one page together. */
static unsigned
lane_of(const lsr_replay_t *replay, uint32_t address) {
	const uint32_t h = (address >> LSR_PAGE_SHIFT) * UINT32_C(0x9E3779B1);
	return (unsigned)((uint64_t)h * replay->lanes >> 32);
}

/* Of an IPv6 address. */
static unsigned
lane_of6(const lsr_replay_t *replay, const lessor_address6_t *address) {
	const uint64_t h = (address->low ^ address->high >> 7) * UINT64_C(0x9E3779B97F4A7C15);
	return (unsigned)((h >> 32) * replay->lanes >> 32);
}

/* The next free item of a lane; add_item() makes it count. */
static lsr_item_t *
next_item(lsr_replay_t *replay, unsigned lane) {
	const lsr_share_t *share = &filling(replay)->share[lane];
	return &share->items[share->count];
}

static lessor_address6_t *
next_address6(lsr_replay_t *replay, unsigned lane) {
	const lsr_share_t *share = &filling(replay)->share[lane];
	return &share->addresses6[share->count];
}

static lessor_status_t
add_item(lsr_replay_t *replay, unsigned lane, unsigned order) {
	lsr_window_t *window = filling(replay);
	lsr_share_t *share = &window->share[lane];
	const bool marks = share->items[share->count].body.lsn > replay->settled_lsn;
	window->order[window->count++] = (uint8_t)(lane | order | (marks ? ORDER_MARKS : 0));
	if (LSR_LIKELY(++share->count < replay->items)) {
		return LESSOR_OK;
	}
	dispatch(replay, false);
	return state_of(replay);
}

/* ---- the caller's side ---------------------------------------------------------------------------------------------- */

lessor_status_t
lsr_replay_lease(lsr_replay_t *replay, const uint8_t *image, size_t size_bytes, uint64_t lsn) {
	uint32_t address;
	if (size_bytes < sizeof(address)) {
		return LESSOR_DAMAGED;
	}
	memcpy(&address, image, sizeof(address));
	const unsigned lane = lane_of(replay, address);
	lsr_item_t *item = next_item(replay, lane);
	const lessor_status_t status = lsr_image_get(image, size_bytes, &item->address, &item->body);
	if (LSR_UNLIKELY(status != LESSOR_OK)) {
		return status;
	}
	item->is_end = item->is_six = false;
	item->body.lsn = lsn;
	return add_item(replay, lane, 0);
}

lessor_status_t
lsr_replay_lease6(lsr_replay_t *replay, const uint8_t *image, size_t size_bytes, uint64_t lsn) {
	lessor_address6_t address;
	if (size_bytes < sizeof(address)) {
		return LESSOR_DAMAGED;
	}
	memcpy(&address, image, sizeof(address));
	const unsigned lane = lane_of6(replay, &address);
	lsr_item_t *item = next_item(replay, lane);
	const lessor_status_t status = lsr_image_get6(image, size_bytes, next_address6(replay, lane), &item->body);
	if (LSR_UNLIKELY(status != LESSOR_OK)) {
		return status;
	}
	item->is_end = false;
	item->is_six = true;
	item->body.lsn = lsn;
	return add_item(replay, lane, 0);
}

lessor_status_t
lsr_replay_lease6_end(lsr_replay_t *replay, lessor_address6_t address, bool counts, uint64_t lsn) {
	const unsigned lane = lane_of6(replay, &address);
	*next_item(replay, lane) = (lsr_item_t){.is_end = true, .is_six = true, .body = {.lsn = lsn}};
	*next_address6(replay, lane) = address;
	return add_item(replay, lane, counts ? ORDER_COUNTS : 0);
}

lessor_status_t
lsr_replay_lease_end(lsr_replay_t *replay, uint32_t address, bool counts, uint64_t lsn) {
	const unsigned lane = lane_of(replay, address);
	*next_item(replay, lane) = (lsr_item_t){.address = address, .is_end = true, .body = {.lsn = lsn}};
	return add_item(replay, lane, counts ? ORDER_COUNTS : 0);
}

lessor_status_t
lsr_replay_drain(lsr_replay_t *replay) {
	const uint32_t waiting = filling(replay)->count;
	if (waiting != 0) {
		dispatch(replay, replay->dispatched == replay->retired && waiting < replay->items / SMALL_PART);
	}
	collect(replay, 0);
	for (unsigned lane = 0; lane < replay->lanes; lane++) {
		replay->lane[lane].last_scope = replay->lane[lane].last_scope6 = NULL; /* the caller may remove it */
	}
	return state_of(replay);
}

void
lsr_replay_begin_log(lsr_replay_t *replay, uint64_t settled_lsn, bool strict) {
	replay->strict = strict;
	replay->settled_lsn = settled_lsn;
}

uint64_t
lsr_replay_failed_lsn(const lsr_replay_t *replay) {
	return atomic_load_explicit(&replay->failed_lsn, memory_order_relaxed);
}

/* ---- life ------------------------------------------------------------------------------------------------------------ */

unsigned
lsr_replay_threads(void) {
	cpu_set_t set;
	uint64_t threads = lsr_replay_tuning.threads;
	if (threads == 0) {
		threads = sched_getaffinity(0, sizeof(set), &set) == 0 ? (uint64_t)CPU_COUNT(&set) : 1;
	}
	return (unsigned)lsr_min_u64(threads, LSR_REPLAY_THREADS_MAX);
}

lsr_replay_t *
lsr_replay_new(lessor_engine_t *engine) {
	lsr_replay_t *replay = calloc(1, sizeof(*replay));
	if (replay == NULL) {
		return NULL;
	}
	replay->engine = engine;
	replay->lanes = lsr_replay_threads();
	replay->items = lsr_replay_tuning.items != 0 ? lsr_replay_tuning.items : ITEMS;
	atomic_init(&replay->failed_lsn, UINT64_MAX);
	(void)pthread_mutex_init(&replay->lock, NULL);
	(void)pthread_cond_init(&replay->work, NULL);
	(void)pthread_cond_init(&replay->results, NULL);
	bool done = true;
	for (unsigned i = 0; i < WINDOWS; i++) {
		done = make_window(replay, &replay->window[i]) && done;
	}
	for (unsigned i = 0; i < replay->lanes; i++) {
		replay->lane[i] = (lsr_lane_t){.replay = replay, .number = i};
	}
	if (!done) {
		lsr_replay_free(replay);
		return NULL;
	}
	return replay;
}

void
lsr_replay_free(lsr_replay_t *replay) {
	if (replay == NULL) {
		return;
	}
	collect(replay, 0);
	(void)pthread_mutex_lock(&replay->lock);
	replay->stopping = true;
	(void)pthread_cond_broadcast(&replay->work);
	(void)pthread_mutex_unlock(&replay->lock);
	for (unsigned i = 0; i < replay->threads; i++) {
		(void)pthread_join(replay->lane[i].thread, NULL);
	}
	for (unsigned i = 0; i < replay->lanes; i++) {
		lsr_pages_release_run(&replay->engine->pages, &replay->lane[i].run);
	}
	for (unsigned i = 0; i < WINDOWS; i++) {
		free_window(replay, &replay->window[i]);
	}
	(void)pthread_cond_destroy(&replay->work);
	(void)pthread_cond_destroy(&replay->results);
	(void)pthread_mutex_destroy(&replay->lock);
	free(replay);
}
