/* A limit-order book as plain C would have it: arrays of structs, intrusive queues, no accounts. */
#include <stdint.h>
#include <string.h>

typedef struct { int64_t lots; int32_t head, tail; } level_t;
typedef struct { int64_t lots; int32_t tick, next, prev, generation; } order_t;
typedef struct { int64_t kind, tick, lots, target; } event_t; /* kind: 0 limit, 1 cancel, 2 market */

enum { TICKS = 4096, ORDERS = 1 << 16 };
static level_t levels[TICKS];
static order_t orders[ORDERS];
static int32_t free_order, best_bid, best_ask;

static void remove_order(int32_t k) {
    order_t *o = &orders[k];
    level_t *l = &levels[o->tick];
    if (o->prev >= 0) orders[o->prev].next = o->next; else l->head = o->next;
    if (o->next >= 0) orders[o->next].prev = o->prev; else l->tail = o->prev;
    l->lots -= o->lots;
    if (l->head < 0) {
        if (o->lots > 0) { while (best_bid > 0 && levels[best_bid].head < 0) best_bid--; }
        else { while (best_ask < TICKS - 1 && levels[best_ask].head < 0) best_ask++; }
    }
    o->lots = 0; o->generation++; o->next = free_order; free_order = k;
}

static int32_t rest_order(int64_t lots, int32_t tick) {
    int32_t k = free_order;
    order_t *o = &orders[k];
    level_t *l = &levels[tick];
    free_order = o->next;
    o->lots = lots; o->tick = tick; o->next = -1; o->prev = l->tail;
    if (l->tail >= 0) orders[l->tail].next = k; else l->head = k;
    l->tail = k; l->lots += lots;
    if (lots > 0) { if (tick > best_bid) best_bid = tick; } else { if (tick < best_ask) best_ask = tick; }
    return k;
}

/* results: trades, volume, best bid, best ask, resting orders */
void replay(const event_t *events, int64_t n, int32_t *placed, int32_t *generation, int64_t *results) {
    int64_t trades = 0, volume = 0, resting = 0, n_placed = 0;
    for (int k = 0; k < TICKS; k++) { levels[k].lots = 0; levels[k].head = levels[k].tail = -1; }
    memset(orders, 0, sizeof orders);
    for (int k = 0; k < ORDERS; k++) orders[k].next = k + 1;
    free_order = 0; best_bid = 0; best_ask = TICKS - 1;
    for (int64_t i = 0; i < n; i++) {
        const event_t *e = &events[i];
        if (e->kind == 1) {
            if (e->target < n_placed) {
                int32_t k = placed[e->target];
                if (k >= 0 && orders[k].generation == generation[e->target] && orders[k].lots) { remove_order(k); resting--; }
            }
            continue;
        }
        int64_t left = e->lots;
        while (left > 0 && best_ask < TICKS - 1 && best_ask <= e->tick) {
            int32_t k = levels[best_ask].head;
            int64_t take = left < -orders[k].lots ? left : -orders[k].lots;
            trades++; volume += take * best_ask; left -= take;
            if (take == -orders[k].lots) { remove_order(k); resting--; }
            else { orders[k].lots += take; levels[orders[k].tick].lots += take; }
        }
        while (left < 0 && best_bid > 0 && best_bid >= e->tick) {
            int32_t k = levels[best_bid].head;
            int64_t take = -left < orders[k].lots ? -left : orders[k].lots;
            trades++; volume += take * best_bid; left += take;
            if (take == orders[k].lots) { remove_order(k); resting--; }
            else { orders[k].lots -= take; levels[orders[k].tick].lots -= take; }
        }
        if (e->kind == 0) {
            placed[n_placed] = -1;
            if (left) {
                int32_t k = rest_order(left, (int32_t)e->tick);
                placed[n_placed] = k; generation[n_placed] = orders[k].generation; resting++;
            }
            n_placed++;
        }
    }
    results[0] = trades; results[1] = volume; results[2] = best_bid; results[3] = best_ask; results[4] = resting;
}
