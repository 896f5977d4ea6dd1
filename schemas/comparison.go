package schemas

// ComparisonOutput is the output of compare_licenses.
type ComparisonOutput struct {
	Environment string             `json:"environment"`
	Total       int                `json:"total"` // licences compared
	Counts      Counts             `json:"counts"`
	Partial     bool               `json:"partial"` // some could not be read; nothing is called gone or missing then
	Unread      []Unread           `json:"unread"`
	Servers     *ServersComparison `json:"servers,omitempty"` // where servers were given
	Changes     *Changes           `json:"changes,omitempty"` // where since was given
}

// ServersComparison is what licences and servers have to do with each other.
// Each list holds at most limit elements; the counts are of all.
type ServersComparison struct {
	Counts    ServersCounts   `json:"counts"`
	Unmatched []*License      `json:"unmatched"`           // licences that match no server: possibly paid for nothing
	Without   []Server        `json:"without"`             // servers that no licence matches
	Undecided []Server        `json:"undecided,omitempty"` // likewise, of a partial inventory: one may match that was not read
	Twice     []ServerMatches `json:"twice"`               // servers with several licences of one family
	Shared    []LicenseMatch  `json:"shared"`              // licences that match several servers
	Matched   []ServerMatches `json:"matched"`             // servers and their licences
}

// ServersCounts count servers and licences.
type ServersCounts struct {
	Servers   int `json:"servers"`
	Matched   int `json:"matched"`
	Without   int `json:"without"`
	Undecided int `json:"undecided"`
	Twice     int `json:"twice"`
	Shared    int `json:"shared"`
	Unmatched int `json:"unmatched"`
	Unjudged  int `json:"unjudged"` // licences that were not read
}

// ServerMatches is a server and licences that match it.
type ServerMatches struct {
	Name     string       `json:"name,omitempty"`
	IP       string       `json:"ip,omitempty"`
	Licenses []MatchedKey `json:"licenses"`
}

// MatchedKey is a licence that matches a server: certain by address, probable by
// a name in its title or comment.
type MatchedKey struct {
	Family    string `json:"family"`
	KeyNumber string `json:"keyNumber"`
	Certainty string `json:"certainty" jsonschema:"enum=certain,enum=probable"`
	By        string `json:"by" jsonschema:"enum=serverIP,enum=keyNumber,enum=title,enum=comment"`
}

// LicenseMatch is a licence and the servers that it matches.
type LicenseMatch struct {
	Family    string          `json:"family"`
	KeyNumber string          `json:"keyNumber"`
	Servers   []MatchedServer `json:"servers"`
}

// MatchedServer is a server that a licence matches.
type MatchedServer struct {
	Name      string `json:"name,omitempty"`
	IP        string `json:"ip,omitempty"`
	Certainty string `json:"certainty" jsonschema:"enum=certain,enum=probable"`
	By        string `json:"by" jsonschema:"enum=serverIP,enum=keyNumber,enum=title,enum=comment"`
}

// Changes are what differs from an earlier snapshot. Each list holds at most
// limit elements; the counts are of all.
type Changes struct {
	Since      SnapshotShown `json:"since"`
	Counts     ChangeCounts  `json:"counts"`
	New        []*License    `json:"new"`
	Gone       []*License    `json:"gone"`               // as they were; none of a partial inventory
	NotShown   []*License    `json:"notShown,omitempty"` // not seen in a partial inventory; not called gone
	Relabelled []ChangedKey  `json:"relabelled"`         // title or comment
	Changed    []ChangedKey  `json:"changed"`            // any other property
}

// SnapshotShown names a snapshot. The licences were the same from takenAt to
// seenAt.
type SnapshotShown struct {
	SnapshotID string `json:"snapshotId"`
	TakenAt    string `json:"takenAt"`
	SeenAt     string `json:"seenAt"`
}

// ChangeCounts count licences. One may be both relabelled and changed.
type ChangeCounts struct {
	New        int `json:"new"`
	Gone       int `json:"gone"`
	NotShown   int `json:"notShown"`
	Relabelled int `json:"relabelled"`
	Changed    int `json:"changed"`
}

// ChangedKey is a licence and what changed of it.
type ChangedKey struct {
	Family    string           `json:"family"`
	KeyNumber string           `json:"keyNumber"`
	Changes   []PropertyChange `json:"changes"`
}

// PropertyChange is one property before and after; empty where it was not there.
type PropertyChange struct {
	Property string `json:"property"`
	Before   string `json:"before"`
	After    string `json:"after"`
}
