package operations

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPhraseWords(t *testing.T) {
	require.Equal(t, "order PLESK_12_WEB_HOST for 12 months [4T9C-M8RW]", orderPhrase("PLESK_12_WEB_HOST", "12", "4T9C-M8RW"))
	require.Equal(t, "order P for 1 month [4T9C-M8RW]", orderPhrase("P", "1", "4T9C-M8RW"))
	require.Equal(t, "terminate PLSK.02980001 [7K3Q-X2MD]", terminationPhrase("PLSK.02980001", "7K3Q-X2MD"))
}

func TestCodesAreDrawnFromTheGivenChance(t *testing.T) {
	code, err := newCode(bytes.NewReader([]byte{0, 0, 0, 0, 0}))
	require.NoError(t, err)
	require.Equal(t, "0000-0000", code)
	code, err = newCode(bytes.NewReader([]byte{255, 255, 255, 255, 255}))
	require.NoError(t, err)
	require.Equal(t, "ZZZZ-ZZZZ", code)
	_, err = newCode(bytes.NewReader(nil))
	require.Error(t, err)
}

func TestIDsSortByAge(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	last := ""
	for range 50 {
		id, err := newID(now, rand.Reader)
		require.NoError(t, err)
		require.Regexp(t, `^op_[0-9A-HJKMNP-TV-Z]{26}$`, id)
		require.Greater(t, id, last)
		last, now = id, now.Add(time.Millisecond)
	}
}

// FuzzPhraseReachesItsOwnOperationAlone changes a phrase in any way: it has the
// same digest only if the words are the same, spaces aside, and the code is the
// same, look-alikes aside.
func FuzzPhraseReachesItsOwnOperationAlone(f *testing.F) {
	const phrase = "order PLESK_12_WEB_HOST for 12 months [4T9C-M8RW]"
	for _, seed := range []string{phrase, strings.ToLower(phrase), "[4T9C-M8RW]", phrase + "]", "x " + phrase, "terminate PLSK.02980001 [4T9C-M8RW]", "", "[]", "] [", "a [ 4t9cm8rw ]"} {
		f.Add(seed)
	}
	want, _ := phraseDigest(phrase)
	f.Fuzz(func(t *testing.T, given string) {
		digest, ok := phraseDigest(given)
		if !ok {
			require.Empty(t, digest)
			return
		}
		open := strings.LastIndexByte(given, '[')
		same := strings.Join(strings.Fields(given[:open]), " ") == "order PLESK_12_WEB_HOST for 12 months" &&
			codeLetters.Replace(strings.ToUpper(strings.TrimSuffix(strings.TrimSpace(given[open+1:]), "]"))) == "4T9CM8RW"
		require.Equal(t, same, digest == want, given)
	})
}

// FuzzIDsAndCursorsAreHarmless asks for operations by anything.
func FuzzIDsAndCursorsAreHarmless(f *testing.F) {
	store, err := OpenSQLite(":memory:")
	require.NoError(f, err)
	f.Cleanup(func() { store.Close() })
	o := storeOrder("a")
	require.NoError(f, store.Propose(f.Context(), Proposal{Operation: o, Phrase: "p", Limits: storeLimits}))
	for _, seed := range []string{o.ID, strings.ToLower(o.ID), "' OR 1=1 --", "op_%", "", "\x00", "eyJhIjoxfQ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, given string) {
		got, err := store.Get(t.Context(), given)
		if given == o.ID {
			require.NoError(t, err)
			require.Equal(t, o.ID, got.ID)
		} else {
			require.ErrorIs(t, err, ErrNotFound)
		}
		if _, err := store.List(t.Context(), o.BaseURL, Filter{Cursor: given}); err != nil {
			require.ErrorIs(t, err, errWrongCursor)
		}
	})
}
