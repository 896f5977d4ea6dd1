package sandbox

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// controlPrefix is where the control interface lives: outside every base path
// of the API. Its requests are neither in the journal nor struck by faults.
//
//	GET    /_sandbox/requests   the journal's requests
//	GET    /_sandbox/effects    the journal's effects
//	GET    /_sandbox/counts     the counters
//	DELETE /_sandbox/journal    forget all of these
//	GET    /_sandbox/licenses   ?family=plesk&environment=live: the licences as they truly are
//	GET    /_sandbox/faults     the faults in force
//	POST   /_sandbox/faults     {"faults":"order drop after times=1"}, in the words of ParseFaults
//	DELETE /_sandbox/faults     end every fault
//	GET    /_sandbox/dialect    the dialect
//	PUT    /_sandbox/dialect    {"dialect":"list:object"}, in the words of ParseDialect
//	DELETE /_sandbox/tokens     make every token a wrong one
//
// Answers are JSON. What cannot be read is a 400 with {"error":…}.
const controlPrefix = "/_sandbox/"

type faultView struct {
	Fault  string `json:"fault"`
	Struck int    `json:"struck"`
}

type dialectView struct {
	Dialect string `json:"dialect"`
}

func (s *Sandbox) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_sandbox/requests", func(w http.ResponseWriter, _ *http.Request) { show(w, s.Requests()) })
	mux.HandleFunc("GET /_sandbox/effects", func(w http.ResponseWriter, _ *http.Request) { show(w, s.Effects()) })
	mux.HandleFunc("GET /_sandbox/counts", func(w http.ResponseWriter, _ *http.Request) { show(w, s.Counts()) })
	mux.HandleFunc("DELETE /_sandbox/journal", func(w http.ResponseWriter, _ *http.Request) {
		s.Forget()
		show(w, s.Counts())
	})
	mux.HandleFunc("GET /_sandbox/licenses", s.showLicenses)
	mux.HandleFunc("GET /_sandbox/faults", func(w http.ResponseWriter, _ *http.Request) { s.showFaults(w) })
	mux.HandleFunc("POST /_sandbox/faults", func(w http.ResponseWriter, r *http.Request) {
		var said struct{ Faults string }
		if !read(w, r, &said) {
			return
		}
		faults, err := ParseFaults(said.Faults)
		if err != nil {
			complain(w, err.Error())
			return
		}
		s.Inject(faults...)
		s.showFaults(w)
	})
	mux.HandleFunc("DELETE /_sandbox/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.ClearFaults()
		s.showFaults(w)
	})
	mux.HandleFunc("GET /_sandbox/dialect", func(w http.ResponseWriter, _ *http.Request) { s.showDialect(w) })
	mux.HandleFunc("PUT /_sandbox/dialect", func(w http.ResponseWriter, r *http.Request) {
		var said dialectView
		if !read(w, r, &said) {
			return
		}
		d, err := ParseDialect(said.Dialect)
		if err != nil {
			complain(w, err.Error())
			return
		}
		s.SetDialect(d)
		s.showDialect(w)
	})
	mux.HandleFunc("DELETE /_sandbox/tokens", func(w http.ResponseWriter, _ *http.Request) {
		s.ExpireTokens()
		show(w, struct{}{})
	})
	return mux
}

func (s *Sandbox) showLicenses(w http.ResponseWriter, r *http.Request) {
	family := websoftsolus.Family(r.FormValue("family"))
	name := Environment(r.FormValue("environment"))
	if name == "" {
		name = Live
	}
	if !slices.Contains(websoftsolus.Families, family) || name != Live && name != Test {
		complain(w, "family has to be one of plesk, cpanel, virtuozzo, and environment live or test")
		return
	}
	show(w, s.LicensesIn(name, family))
}

func (s *Sandbox) showFaults(w http.ResponseWriter) {
	views := []faultView{}
	for _, f := range s.Faults() {
		views = append(views, faultView{f.Fault.String(), f.Struck})
	}
	show(w, views)
}

func (s *Sandbox) showDialect(w http.ResponseWriter) {
	s.mu.Lock()
	d := s.dialect
	s.mu.Unlock()
	show(w, dialectView{d.String()})
}

func show(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", jsonType)
	_ = json.NewEncoder(w).Encode(value) // the value always encodes; a client that has gone needs nothing
}

func complain(w http.ResponseWriter, message string) {
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(http.StatusBadRequest)
	show(w, map[string]string{"error": message})
}

// read decodes a JSON body, strictly, and complains where it cannot.
func read(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		complain(w, err.Error())
		return false
	}
	return true
}
