/* Lease, epoch, commit, replication and failover, small enough to be looked at in every order that there is.
 * What it says in words, what it leaves out, and how it is run: docs/model/index.md.
 *
 * -DPLANT=n leaves one check out; then spin finds how that goes wrong. 0 leaves none out.
 */
#ifndef PLANT
#define PLANT 0
#endif

#define EVENTS 3 /* requests in all; each is known by its ID, 1 to EVENTS, which is never given twice */
#define LIMIT 1  /* how many may be allowed */
#define TERMS 3  /* how often the lease is taken, in all */
#define NOBODY 2

mtype = { undecided, allowed, denied };

typedef Server {
  byte epoch;                  /* the head: the number of the term, */
  byte leads = NOBODY;         /* whose term that is, */
  byte cursor;                 /* and the last event that is decided */
  bool on_log[EVENTS + 1];
  mtype decision[EVENTS + 1] = undecided;
  byte writes;                 /* by workers that wait for the replica */
  byte term                    /* which term this really is; no process sees it */
};

Server server[2];              /* the primary, and its replica, which takes over */
bool cut, failed_over;
byte ids, terms, sent;
bool sent_on[EVENTS + 1];

/* What the replica has when it takes over is what the primary had at some moment before, the cut. Until then
 * it is in step; copying once is as good as copying always, and leaves far fewer states. */
inline replicate() {
  server[1].epoch = server[0].epoch;
  server[1].leads = server[0].leads;
  server[1].cursor = server[0].cursor;
  server[1].writes = server[0].writes;
  server[1].term = server[0].term;
  server[1].on_log[1] = server[0].on_log[1];
  server[1].on_log[2] = server[0].on_log[2];
  server[1].on_log[3] = server[0].on_log[3];
  server[1].decision[1] = server[0].decision[1];
  server[1].decision[2] = server[0].decision[2];
  server[1].decision[3] = server[0].decision[3]
}

active proctype Servers() {
end:
  do
  :: atomic { !cut -> cut = true; replicate() }
  :: atomic { cut && !failed_over ->
       failed_over = true;
       /* an order that was sent rests on a yes that is still there */
       assert(!sent_on[1] || server[1].decision[1] == allowed);
       assert(!sent_on[2] || server[1].decision[2] == allowed);
       assert(!sent_on[3] || server[1].decision[3] == allowed)
     }
  od
}

/* The fold: how many were allowed up to the cursor. */
inline fold(at) {
  count = 0;
  if :: server[at].decision[1] == allowed && server[at].cursor >= 1 -> count++ :: else fi;
  if :: server[at].decision[2] == allowed && server[at].cursor >= 2 -> count++ :: else fi;
  if :: server[at].decision[3] == allowed && server[at].cursor >= 3 -> count++ :: else fi
}

/* The first event that is not decided. */
inline next_event(at) {
  event = cursor + 1;
  do
  :: event <= EVENTS && !server[at].on_log[event] -> event++
  :: else -> break
  od;
  if :: event > EVENTS -> event = 0 :: else fi
}

#define EPOCH_FITS (PLANT == 1 || (server[at].epoch == epoch && (PLANT == 2 || server[at].leads == _pid - 1)))
#define CURSOR_FITS (PLANT == 3 || server[at].cursor == cursor)
#define REPLICATED (PLANT == 5 || at == 1 || !cut || (!failed_over && server[1].writes >= written))
#define ON_THE_LOG (PLANT == 4 || server[at].on_log[event])

active [2] proctype Coordinator() {
  byte at, epoch, cursor, count, event, term, seen;

  bool leads, halted;
  mtype verdict;
end:
  do
  :: atomic { failed_over && at == 0 -> at = 1 }  /* it notices, or does not: then it is a zombie's */
  :: atomic { !leads && terms < TERMS -> /* a lease lapses when it likes */
       server[at].epoch++;
       server[at].leads = _pid - 1;
       terms++;
       server[at].term = terms;
       term = terms;
       epoch = server[at].epoch;
       cursor = server[at].cursor;
       halted = cursor < seen;                      /* the log lost its end: it says so, and denies */
       fold(at);
       event = 0;
       leads = true
     }
  :: atomic { leads && event == 0 ->                /* it reads the next event, and folds it */
       next_event(at);
       if
       :: event != 0 && count < LIMIT && !halted -> verdict = allowed
       :: else -> verdict = denied
       fi
     }
  :: atomic { leads && event != 0 ->                /* it commits, wherever the head is by now */
       if
       :: EPOCH_FITS && CURSOR_FITS && ON_THE_LOG ->
            assert(server[at].term == term);                    /* a leader that was replaced decides nothing */
            assert(server[at].on_log[event]);                   /* nothing is decided that is not there */
            assert(server[at].decision[event] == undecided);    /* a request has one answer, */
            assert(event < 2 || !server[at].on_log[1] || server[at].decision[1] != undecided);
            assert(event < 3 || !server[at].on_log[2] || server[at].decision[2] != undecided); /* and each has */
            server[at].decision[event] = verdict;
            server[at].cursor = event;
            cursor = event;
            seen = event;
            if :: verdict == allowed -> count++ :: else fi
       :: else -> leads = false; cursor = 0; count = 0; epoch = 0; term = 0; halted = false
       fi;
       event = 0;
       verdict = undecided
     }
  :: atomic { leads ->                              /* it dies, or steps down */
       leads = false; event = 0; cursor = 0; count = 0; epoch = 0; term = 0; halted = false; verdict = undecided
     }
  od
}

active [2] proctype Worker() {
  byte at, mine, written;
end:
  do
  :: atomic { failed_over && at == 0 -> at = 1 }
  :: atomic { mine == 0 && ids < EVENTS ->          /* it asks */
       ids++;
       mine = ids;
       server[at].on_log[mine] = true;
       written = 0
     }
  :: atomic { mine != 0 && server[at].decision[mine] == allowed && written == 0 ->
       server[at].writes++;                         /* allowed: it writes, and waits for the replica */
       written = server[at].writes
     }
  :: atomic { mine != 0 && written != 0 && REPLICATED && server[at].decision[mine] == allowed ->
       sent++;
       sent_on[mine] = true;
       assert(sent <= LIMIT);                       /* no entry beyond the limit */
       mine = 0;
       written = 0
     }
  :: atomic { mine != 0 -> mine = 0; written = 0 }               /* denied, or it gives up */
  od
}
