package inventory

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
)

// Server is one server that a person has. It has a name, an address, or both.
type Server struct {
	Name string
	IP   netip.Addr // invalid for none; an IPv4 address written as IPv6 is the IPv4 one
}

// ParseServer makes a server of texts. An address given as the name is taken for
// the address.
func ParseServer(name, ip string) (Server, error) {
	name, ip = strings.TrimSpace(name), strings.TrimSpace(ip)
	if ip == "" {
		if address, ok := parseIP(name); ok {
			return Server{IP: address}, nil
		}
		if name == "" {
			return Server{}, errors.New("has neither a name nor an ip; give at least one")
		}
		return Server{Name: name}, nil
	}
	address, ok := parseIP(ip)
	if !ok {
		return Server{}, fmt.Errorf("ip %q is not an IPv4 or IPv6 address", ip)
	}
	return Server{Name: name, IP: address}, nil
}

func parseIP(text string) (netip.Addr, bool) {
	address, err := netip.ParseAddr(text)
	return address.Unmap().WithZone(""), err == nil
}

// Names of columns, in lower case without spaces, dashes and underscores.
var (
	nameColumns = []string{"name", "host", "hostname", "server", "servername", "fqdn", "domain", "title", "label"}
	ipColumns   = []string{"ip", "ipaddress", "ipv4", "ipv6", "address", "addr", "serverip", "mainip", "primaryip", "publicip"}
)

// ParseServersCSV reads servers from CSV: with commas, semicolons or tabs, with
// or without a header. With one, the columns of names and addresses are found by
// their names; without, the first address of a line is the address and the first
// other cell the name. Every line that holds no server is in the error.
func ParseServersCSV(text string) ([]Server, error) {
	text = strings.TrimPrefix(text, "\ufeff")
	reader := csv.NewReader(strings.NewReader(text))
	reader.FieldsPerRecord = -1
	reader.LazyQuotes = true
	reader.TrimLeadingSpace = true
	reader.Comma = delimiter(text)
	var (
		servers  []Server
		problems []error
		header   = true
		columns  = struct{ name, ip []int }{}
	)
	for {
		row, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("the CSV cannot be read: %w", err)
		}
		if strings.TrimSpace(strings.Join(row, "")) == "" {
			continue
		}
		if header {
			header = false
			columns.name, columns.ip = columnsOf(row, nameColumns), columnsOf(row, ipColumns)
			if len(columns.name)+len(columns.ip) > 0 {
				continue
			}
		}
		var name, ip string
		if len(columns.name)+len(columns.ip) > 0 {
			name, ip = first(row, columns.name), first(row, columns.ip)
		} else {
			name, ip = guess(row)
		}
		server, err := ParseServer(name, ip)
		if err != nil {
			if len(problems) < 10 {
				line, _ := reader.FieldPos(0)
				problems = append(problems, fmt.Errorf("line %d %w", line, err))
			}
			continue
		}
		servers = append(servers, server)
	}
	return servers, errors.Join(problems...)
}

// delimiter is the one of the three that the first line has most of.
func delimiter(text string) rune {
	line, _, _ := strings.Cut(strings.TrimLeft(text, "\r\n"), "\n")
	best := ','
	for _, d := range []rune{';', '\t'} {
		if strings.Count(line, string(d)) > strings.Count(line, string(best)) {
			best = d
		}
	}
	return best
}

func columnsOf(header []string, names []string) (found []int) {
	for i, cell := range header {
		plain := strings.NewReplacer(" ", "", "-", "", "_", "").Replace(strings.ToLower(strings.TrimSpace(cell)))
		if slices.Contains(names, plain) {
			found = append(found, i)
		}
	}
	return found
}

// first is the first cell of the columns that is not empty.
func first(row []string, columns []int) string {
	for _, i := range columns {
		if i < len(row) && strings.TrimSpace(row[i]) != "" {
			return row[i]
		}
	}
	return ""
}

func guess(row []string) (name, ip string) {
	for _, cell := range row {
		cell = strings.TrimSpace(cell)
		if _, isIP := parseIP(cell); isIP {
			if ip == "" {
				ip = cell
			}
		} else if name == "" {
			name = cell
		}
	}
	return name, ip
}
