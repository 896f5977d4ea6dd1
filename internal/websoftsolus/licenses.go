package websoftsolus

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
)

const (
	listEndpoint    = "/license/{family}"
	licenseEndpoint = "/license/{family}/{keyNumber}"
	orderEndpoint   = "/license/{family}/order"
)

func (f Family) check(op string) error {
	for _, known := range Families {
		if f == known {
			return nil
		}
	}
	return &Error{Op: op, Kind: InvalidKey, Outcome: NotDone, Err: errors.New("there is no such family; take plesk, cpanel or virtuozzo")}
}

// unreadable is the error of a read whose 2xx answer says nothing known.
func unreadable(op string, a *answer, err error) error {
	var inside *Error
	if errors.As(err, &inside) {
		inside.Op, inside.Status, inside.Digest = op, a.status, a.digest
		return inside
	}
	if isHTML(a.body) {
		err = errors.New("the answer is an HTML page: " + htmlText(a.body))
	}
	return &Error{Op: op, Kind: Unreadable, Outcome: NotDone, Status: a.status, Digest: a.digest, Err: err}
}

// ListKeys returns the key numbers of a family, each once, in the answer's order
// (API document, "Get all licenses"). Terminated ones may or may not be among
// them, and so may keys that CheckKeyNumber refuses. An answer that cannot be
// read whole is an error, never a shorter list. A 404 is an empty list, unless it
// is a page or speaks of paths and routes: then it is a server's that knows no
// such path.
func (c *Client) ListKeys(ctx context.Context, family Family) ([]string, error) {
	op := "list " + string(family) + " licenses"
	if err := family.check(op); err != nil {
		return nil, err
	}
	a, err := c.read(ctx, call{op: op, method: http.MethodGet, endpoint: listEndpoint, path: "license/" + string(family)})
	var failed *Error
	if errors.As(err, &failed) && failed.Kind == NotFound && !failed.foreign {
		return []string{}, nil
	}
	if err != nil {
		return nil, err
	}
	keys, err := decodeKeys(a.body)
	if err != nil {
		return nil, unreadable(op, a, err)
	}
	return keys, nil
}

var longPleskKey = compiled(`^(?i)(PLSK\.\d{8})\.\d{4}$`)

// GetLicense returns the properties of one licence (API document, "Get license
// properties"). The long form of a Plesk key, which people paste, is asked for
// as it is, and in its short form where the API knows no such licence.
func (c *Client) GetLicense(ctx context.Context, family Family, keyNumber string) (*License, error) {
	license, err := c.getLicense(ctx, family, keyNumber)
	var failed *Error
	if family == Plesk && errors.As(err, &failed) && failed.Kind == NotFound {
		if short := longPleskKey().FindStringSubmatch(keyNumber); short != nil {
			inShort, err := c.getLicense(ctx, family, short[1])
			if err == nil || !(errors.As(err, &failed) && failed.Kind == NotFound) {
				return inShort, err
			}
		}
	}
	return license, err
}

func (c *Client) getLicense(ctx context.Context, family Family, keyNumber string) (*License, error) {
	op := "get " + string(family) + " license " + keyNumber
	if err := checkTarget(op, family, keyNumber); err != nil {
		return nil, err
	}
	a, err := c.read(ctx, call{op: op, method: http.MethodGet, endpoint: licenseEndpoint, path: licensePath(family, keyNumber)})
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(a.body)) == 0 {
		return nil, unreadable(op, a, errors.New("the answer is empty"))
	}
	license, err := decodeLicense(family, keyNumber, a.body)
	if err != nil {
		return nil, unreadable(op, a, err)
	}
	return license, nil
}

// OrderableVersions returns what can be ordered in a family (API document, "Get
// the orderable versions").
func (c *Client) OrderableVersions(ctx context.Context, family Family) (*OrderableVersions, error) {
	op := "list orderable " + string(family) + " versions"
	if err := family.check(op); err != nil {
		return nil, err
	}
	a, err := c.read(ctx, call{op: op, method: http.MethodGet, endpoint: orderEndpoint, path: "license/" + string(family) + "/order"})
	if err != nil {
		return nil, err
	}
	versions, err := decodeVersions(family, a.body)
	if err != nil {
		return nil, unreadable(op, a, err)
	}
	return versions, nil
}

// Order sends one order, once (API document, "Create order"). The form is sent
// as it is. An error whose Outcome is Unknown means that a licence may have been
// bought.
func (c *Client) Order(ctx context.Context, family Family, form url.Values) (*Receipt, error) {
	op := "order " + string(family) + " license"
	if err := family.check(op); err != nil {
		return nil, err
	}
	a, err := c.write(ctx, call{op: op, method: http.MethodPost, endpoint: orderEndpoint, path: "license/" + string(family) + "/order", form: form})
	if err != nil {
		return nil, err
	}
	return decodeReceipt(op, a, true)
}

// Edit sends a licence's title and comment, once (API document, "Edit license
// Title and Comment"). Both are always sent; the comment may be empty.
func (c *Client) Edit(ctx context.Context, family Family, keyNumber, title, comment string) (*Receipt, error) {
	op := "edit " + string(family) + " license " + keyNumber
	if err := checkTarget(op, family, keyNumber); err != nil {
		return nil, err
	}
	a, err := c.write(ctx, call{op: op, method: http.MethodPut, endpoint: licenseEndpoint, path: licensePath(family, keyNumber),
		form: url.Values{"title": {title}, "comment": {comment}}})
	if err != nil {
		return nil, err
	}
	return decodeReceipt(op, a, false)
}

// Terminate ends a licence, and asks once (API document, "Terminate license").
func (c *Client) Terminate(ctx context.Context, family Family, keyNumber string) (*Receipt, error) {
	op := "terminate " + string(family) + " license " + keyNumber
	if err := checkTarget(op, family, keyNumber); err != nil {
		return nil, err
	}
	a, err := c.write(ctx, call{op: op, method: http.MethodDelete, endpoint: licenseEndpoint, path: licensePath(family, keyNumber)})
	if err != nil {
		return nil, err
	}
	return decodeReceipt(op, a, false)
}

// checkTarget refuses a licence that no path may name.
func checkTarget(op string, family Family, keyNumber string) error {
	if err := family.check(op); err != nil {
		return err
	}
	err := CheckKeyNumber(keyNumber)
	var wrong *Error
	if errors.As(err, &wrong) {
		wrong.Op = "key number of a " + string(family) + " license"
	}
	return err
}

// licensePath is safe as it is: CheckKeyNumber lets nothing through that a path
// would have to escape.
func licensePath(family Family, keyNumber string) string {
	return "license/" + string(family) + "/" + keyNumber
}
