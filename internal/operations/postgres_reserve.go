package operations

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"
	"time"
)

// reservations are advisory locks of one session, which go when its connection
// does: with the process, or with the network to it. A session takes a lock that
// it holds once more, so which ones this process holds is kept here too.
type reservations struct {
	db     *sql.DB // of one connection
	schema string

	mu   sync.Mutex
	conn *sql.Conn // nil while nothing is held
	held map[int64]bool
}

// reservationTimeout bounds taking and giving back a lock; neither waits for
// anybody who holds it.
const reservationTimeout = 10 * time.Second

func (r *reservations) reserve(ctx context.Context, id string) (release func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := lockKey(r.schema, "look at "+id)
	if r.held[key] {
		return nil, errReserved
	}
	// A caller that leaves in the middle would break the connection, and with it
	// everything that is reserved.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reservationTimeout)
	defer cancel()
	var got bool
	for tries := 0; ; tries++ {
		if got, err = r.try(ctx, key); err == nil || !awayPostgres(err) || tries == 1 {
			break
		}
	}
	if err == nil && !got {
		err = errReserved
	}
	if err != nil {
		r.rest()
		return nil, err
	}
	r.held[key] = true
	return func() { r.release(key) }, nil
}

func (r *reservations) try(ctx context.Context, key int64) (got bool, err error) {
	if r.conn == nil {
		if r.conn, err = r.db.Conn(ctx); err != nil {
			r.conn = nil
			return false, err
		}
	}
	if err = r.conn.QueryRowContext(ctx, `SELECT pg_try_advisory_lock($1)`, key).Scan(&got); err != nil {
		r.drop()
	}
	return got, err
}

func (r *reservations) release(key int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.held, key)
	if r.conn == nil {
		return // it broke, and took the lock along
	}
	ctx, cancel := context.WithTimeout(context.Background(), reservationTimeout)
	defer cancel()
	var had bool
	if err := r.conn.QueryRowContext(ctx, `SELECT pg_advisory_unlock($1)`, key).Scan(&had); err != nil {
		r.drop()
	}
	r.rest()
}

// rest gives the connection back to its pool when nothing is held.
func (r *reservations) rest() {
	if r.conn != nil && len(r.held) == 0 {
		r.conn.Close()
		r.conn = nil
	}
}

// drop ends the connection, and every lock with it. Others may look then at what
// is being looked at here: that costs requests, and no more.
func (r *reservations) drop() {
	r.conn.Raw(func(c any) error {
		if closer, ok := c.(driver.Conn); ok {
			closer.Close()
		}
		return driver.ErrBadConn
	})
	r.conn.Close()
	r.conn = nil
}

// errReserved: another process, or another goroutine of this one, looks at the
// operation.
var errReserved = errors.New("another server is looking at the operation")

func (l *ledger) Reserve(ctx context.Context, id string) (release func(), err error) {
	if l.database.reserve == nil {
		return func() {}, nil
	}
	release, err = l.database.reserve(ctx, id)
	if err != nil && !errors.Is(err, errReserved) {
		err = l.database.explain(err)
	}
	return release, err
}
