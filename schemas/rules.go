package schemas

import (
	"slices"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/websoftsolus"
)

// Option is one form field of an order (API document, "Create order").
type Option struct {
	Name string // in the API document's spelling
	// Allowed lists the values that the API takes; nil where it takes free text.
	Allowed []string
	// Required options have to be given. Any other is sent as Neutral when it is
	// left out, except for an Array, which is then left out of the form too.
	Required bool
	Neutral  string
	// Array options are sent as Name[0], Name[1] and so on.
	Array       bool
	Description string // what it is, for people and models alike
}

// RuleSet is what one kind of order takes, and the tool that places it.
type RuleSet struct {
	Name       string // "plesk10", "plesk12", "cpanel" or "virtuozzo"
	Tool       string // the tool whose orders follow these rules
	Family     websoftsolus.Family
	Generation Generation // of Plesk; empty for the other families
	Options    []Option   // every form field, in the API document's order
}

var (
	periods          = []string{"1", "3", "6", "12", "24", "36"}
	operatingSystems = []string{"LINUX", "WINDOWS"}
	addonNames       = []string{"FANTASTICO", "INSTALLATRON", "SOFTACULOUS", "WHMXTRA", "WHMSONIC", "CLOUDLINUX", "KERNELCARE"}
)

// The rows that every order has.
var (
	productOption = Option{Name: "product", Required: true, Description: "product of list_orderable_versions"}
	titleOption   = Option{Name: "title", Required: true, Description: "Title of the new licence"}
	commentOption = Option{Name: "comment", Neutral: "", Description: "Comment on the licence"}
	periodOption  = Option{Name: "period", Required: true, Allowed: periods, Description: "Renewal period in months"}
	osOption      = Option{Name: "os", Required: true, Allowed: operatingSystems, Description: "Operating system of the server"}
)

// ruleSets is the table of the option rules. The API document lists the Plesk
// options once and marks what belongs to Plesk 10 or to Plesk 12 only.
var ruleSets = [...]*RuleSet{
	{
		Name: "plesk10", Tool: "order_plesk10_license", Family: websoftsolus.Plesk, Generation: Plesk10,
		Options: []Option{
			productOption, titleOption, commentOption, periodOption, osOption,
			{Name: "WPBSites", Neutral: "0", Allowed: []string{"0", "100", "1000"}, Description: "Number of Web Presence Builder sites"},
			{Name: "applications", Neutral: "0", Allowed: []string{"0", "POWER_PACK"}, Description: "Application pack"},
			{Name: "CBMClients", Neutral: "0", Allowed: []string{"0", "UNLIMITED"}, Description: "Customer and Business Manager clients"},
			{Name: "languagePack", Neutral: "0", Allowed: []string{"0", "1", "2", "3", "4", "5"}, Description: "Number of language packs"},
			{Name: "antivirus", Neutral: "0", Allowed: []string{"0", "PREMIUM_ANTIVIRUS"}, Description: "Antivirus"},
		},
	},
	{
		Name: "plesk12", Tool: "order_plesk12_license", Family: websoftsolus.Plesk, Generation: Plesk12,
		Options: []Option{
			productOption, titleOption, commentOption, periodOption,
			{Name: "WPBSites", Neutral: "0", Allowed: []string{"0", "10", "30", "100", "1000"}, Description: "Number of Web Presence Builder sites"},
			{Name: "WPBOptions", Neutral: "0", Allowed: []string{"0", "MLS_SUPPORT"}, Description: "Web Presence Builder option"},
			{Name: "applications", Neutral: "0", Allowed: []string{"0", "POWER_PACK"}, Description: "Application pack"},
			{Name: "languagePack", Neutral: "0", Allowed: []string{"0", "1", "2", "3", "4", "5", "UNLIMITED"}, Description: "Number of language packs"},
			{Name: "antivirus", Neutral: "0", Allowed: []string{"0", "PREMIUM_ANTIVIRUS", "PREMIUM_ANTIVIRUS_FOR_WIN"}, Description: "Antivirus"},
		},
	},
	{
		Name: "cpanel", Tool: "order_cpanel_license", Family: websoftsolus.CPanel,
		Options: []Option{
			productOption, titleOption, commentOption,
			{Name: "serverIP", Required: true, Description: "IP address of the server"},
			periodOption,
			{Name: "addons", Array: true, Allowed: addonNames, Description: "Add-ons"},
		},
	},
	{
		Name: "virtuozzo", Tool: "order_virtuozzo_license", Family: websoftsolus.Virtuozzo,
		Options: []Option{
			productOption, titleOption, commentOption, periodOption, osOption,
		},
	},
}

// RuleSetFor returns the rules of an order. The generation counts for Plesk
// alone, where it has to be one of the two: nil is returned for any other, as
// for an unknown family.
func RuleSetFor(family websoftsolus.Family, generation Generation) *RuleSet {
	for _, r := range ruleSets {
		if r.Family == family && (r.Generation == "" || r.Generation == generation) {
			return r
		}
	}
	return nil
}

// Option returns the rule for a form field, nil where the order takes none of
// that name.
func (r *RuleSet) Option(name string) *Option {
	for i := range r.Options {
		if r.Options[i].Name == name {
			return &r.Options[i]
		}
	}
	return nil
}

// names lists the options.
func (r *RuleSet) names() []string {
	names := make([]string, len(r.Options))
	for i := range r.Options {
		names[i] = r.Options[i].Name
	}
	return names
}

// ruleSetOf returns the rules of an order tool, nil for any other tool.
func ruleSetOf(tool string) *RuleSet {
	for _, r := range ruleSets {
		if r.Tool == tool {
			return r
		}
	}
	return nil
}

// elsewhere returns the order tools other than this one that take the option,
// with that value unless value is empty. Those of the same family hide the
// others: they are what was meant.
func (r *RuleSet) elsewhere(name, value string) []string {
	var sameFamily, others []string
	for _, other := range ruleSets {
		option := other.Option(name)
		if other == r || option == nil || value != "" && !slices.Contains(option.Allowed, value) {
			continue
		}
		if other.Family == r.Family {
			sameFamily = append(sameFamily, other.Tool)
		} else {
			others = append(others, other.Tool)
		}
	}
	if len(sameFamily) > 0 {
		return sameFamily
	}
	return others
}

// RuleSets returns the table of the option rules: one set for each order tool,
// in their order. It is shared and not to be changed.
func RuleSets() []*RuleSet { return ruleSets[:] }
