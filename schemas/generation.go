package schemas

import (
	"slices"
	"strings"
	"unicode"
)

// Generation says which Plesk option rules an order follows.
type Generation string

const (
	Plesk10 Generation = "plesk10" // keys of Plesk 10 and 11
	Plesk12 Generation = "plesk12" // keys of Plesk 12 and later
)

// counted are the words that make the number before them a count of something
// and no version: PLESK_10_DOMAINS shows no generation.
var counted = []string{
	"DOMAIN", "DOMAINS", "SITE", "SITES", "CLIENT", "CLIENTS", "USER", "USERS", "ACCOUNT", "ACCOUNTS",
	"SUBSCRIPTION", "SUBSCRIPTIONS", "MAILBOX", "MAILBOXES", "PACK", "PACKS", "MONTH", "MONTHS", "YEAR", "YEARS",
}

// GenerationOf reads the generation from a Plesk product's name, false where the
// name shows none.
//
// The API document does not say how products are named, and an order is refused
// when its name shows the other generation, so only what is plain counts: after
// the word PLESK, in any letter case, a number that stands alone (PLESK_12_WEB_HOST,
// "Plesk 10 and later", "Plesk 17.8", PLESK12). 10 and 11 are plesk10, 12 to 18
// are plesk12, any other number is something else (PLESK_100_DOMAINS). A number
// that counts something is no version: 10 in PLESK_10_DOMAINS or
// PLESK_POWER_PACK_10. A name without PLESK (POWER_PACK_10) shows none, and
// neither does one that shows both (PLESK_10_TO_12).
func GenerationOf(product string) (Generation, bool) {
	words := strings.FieldsFunc(strings.ToUpper(product), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	var shown Generation
	plesk := false
	for i, word := range words {
		number, isPlesk := strings.CutPrefix(word, "PLESK")
		if plesk = plesk || isPlesk; !plesk {
			continue
		}
		generation := generationOfNumber(number)
		switch {
		case generation == "",
			i > 0 && words[i-1] == "PACK",
			i+1 < len(words) && slices.Contains(counted, words[i+1]):
			continue
		case shown != "" && shown != generation:
			return "", false
		}
		shown = generation
	}
	return shown, shown != ""
}

func generationOfNumber(word string) Generation {
	switch word {
	case "10", "11":
		return Plesk10
	case "12", "13", "14", "15", "16", "17", "18":
		return Plesk12
	}
	return ""
}
