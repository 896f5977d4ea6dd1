package schemas

// The inputs of the tools, one type each. Their fields stand in the order of
// the published schemas. An optional field that was left out is empty; limits,
// allowed values and descriptions are in the table of tools.go.

// ListLicensesInput is the input of list_licenses.
type ListLicensesInput struct {
	Family  string   `json:"family,omitempty"` // empty: every family
	Query   string   `json:"query,omitempty"`
	Details bool     `json:"details,omitempty"`
	Fields  []string `json:"fields,omitempty"` // empty: the usual ones, if details are asked for
	Fresh   bool     `json:"fresh,omitempty"`
	Limit   int      `json:"limit,omitempty"` // 50 where it was left out
	Cursor  string   `json:"cursor,omitempty"`
}

// CompareLicensesInput is the input of compare_licenses. At least one of
// Servers, CSV and Since is there.
type CompareLicensesInput struct {
	Servers []Server `json:"servers,omitempty"`
	CSV     string   `json:"csv,omitempty"`
	Since   string   `json:"since,omitempty"` // "last", a snapshot's id or a time
	Family  string   `json:"family,omitempty"`
	Limit   int      `json:"limit,omitempty"` // 50 where it was left out
}

// Server is a server that a person has. One of the two is there.
type Server struct {
	Name string `json:"name,omitempty"`
	IP   string `json:"ip,omitempty"`
}

// GetLicenseInput is the input of get_license.
type GetLicenseInput struct {
	Family    string `json:"family"`
	KeyNumber string `json:"keyNumber"`
}

// ListOrderableVersionsInput is the input of list_orderable_versions.
type ListOrderableVersionsInput struct {
	Family string `json:"family"`
}

// OrderPlesk10Input is the input of order_plesk10_license.
type OrderPlesk10Input struct {
	Product      string `json:"product"`
	Title        string `json:"title"`
	Comment      string `json:"comment,omitempty"`
	Period       string `json:"period"`
	OS           string `json:"os"`
	WPBSites     string `json:"WPBSites,omitempty"`
	Applications string `json:"applications,omitempty"`
	CBMClients   string `json:"CBMClients,omitempty"`
	LanguagePack string `json:"languagePack,omitempty"`
	Antivirus    string `json:"antivirus,omitempty"`
	DuplicateOf  string `json:"duplicateOf,omitempty"`
	Confirm      string `json:"confirm"` // empty asks for a preview, here and below
}

// OrderPlesk12Input is the input of order_plesk12_license.
type OrderPlesk12Input struct {
	Product      string `json:"product"`
	Title        string `json:"title"`
	Comment      string `json:"comment,omitempty"`
	Period       string `json:"period"`
	WPBSites     string `json:"WPBSites,omitempty"`
	WPBOptions   string `json:"WPBOptions,omitempty"`
	Applications string `json:"applications,omitempty"`
	LanguagePack string `json:"languagePack,omitempty"`
	Antivirus    string `json:"antivirus,omitempty"`
	DuplicateOf  string `json:"duplicateOf,omitempty"`
	Confirm      string `json:"confirm"`
}

// OrderCPanelInput is the input of order_cpanel_license.
type OrderCPanelInput struct {
	Product     string   `json:"product"`
	Title       string   `json:"title"`
	Comment     string   `json:"comment,omitempty"`
	Period      string   `json:"period"`
	ServerIP    string   `json:"serverIP"`
	Addons      []string `json:"addons,omitempty"`
	DuplicateOf string   `json:"duplicateOf,omitempty"`
	Confirm     string   `json:"confirm"`
}

// OrderVirtuozzoInput is the input of order_virtuozzo_license.
type OrderVirtuozzoInput struct {
	Product     string `json:"product"`
	Title       string `json:"title"`
	Comment     string `json:"comment,omitempty"`
	Period      string `json:"period"`
	OS          string `json:"os"`
	DuplicateOf string `json:"duplicateOf,omitempty"`
	Confirm     string `json:"confirm"`
}

// EditLicenseInput is the input of edit_license. A nil text is left as it is,
// and at least one is not nil; an empty comment empties it.
type EditLicenseInput struct {
	Family    string  `json:"family"`
	KeyNumber string  `json:"keyNumber"`
	Title     *string `json:"title,omitempty"`
	Comment   *string `json:"comment,omitempty"`
}

// TerminateLicenseInput is the input of terminate_license.
type TerminateLicenseInput struct {
	Family    string `json:"family"`
	KeyNumber string `json:"keyNumber"`
	Confirm   string `json:"confirm"`
}

// GetOperationInput is the input of get_operation.
type GetOperationInput struct {
	OperationID string `json:"operationId"`
	Wait        int    `json:"wait,omitempty"` // seconds; 0 where it was left out
}

// ListOperationsInput is the input of list_operations.
type ListOperationsInput struct {
	State  string `json:"state,omitempty"`
	Kind   string `json:"kind,omitempty"`
	Family string `json:"family,omitempty"`
	Limit  int    `json:"limit,omitempty"` // 50 where it was left out
	Cursor string `json:"cursor,omitempty"`
}
