package e2e

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/require"
)

// certify writes a new certificate for 127.0.0.1 and its key.
func certify(t *testing.T, certFile, keyFile string, serial int64) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "licences"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	encoded, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	encodedKey, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: encoded}), 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encodedKey}), 0o600))
	certificate, err := x509.ParseCertificate(encoded)
	require.NoError(t, err)
	return certificate
}

// TestTLS: the server speaks TLS alone with a certificate, and takes a new one
// over on SIGHUP; a broken one changes nothing.
func TestTLS(t *testing.T) {
	folder := t.TempDir()
	certFile, keyFile := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	pool := x509.NewCertPool()
	pool.AddCert(certify(t, certFile, keyFile, 1))
	s := serve(t, bareEnvironment(t), "--env", "sandbox", "--tls-cert", certFile, "--tls-key", keyFile)
	require.True(t, strings.HasPrefix(s.url, "https://127.0.0.1:"), s.url)
	trusting := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	defer trusting.CloseIdleConnections()
	for _, version := range []string{"2025-11-25", "2026-07-28"} {
		session := s.open(t, version, &http.Client{Transport: trusting})
		require.Equal(t, "sandbox", ask(t, session, "list_orderable_versions", object{"family": "plesk"}, nil)["environment"])
	}

	at, err := url.Parse(s.url)
	require.NoError(t, err)
	served := func() int64 {
		connection, err := tls.Dial("tcp", at.Host, &tls.Config{RootCAs: pool})
		require.NoError(t, err)
		defer connection.Close()
		return connection.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	require.EqualValues(t, 1, served())
	_, err = tls.Dial("tcp", at.Host, &tls.Config{RootCAs: pool, MaxVersion: tls.VersionTLS11}) //nolint:gosec // to be refused
	require.Error(t, err)
	plain, err := webClient.Get("http://" + at.Host + "/healthz")
	require.NoError(t, err)
	plain.Body.Close()
	require.Equal(t, http.StatusBadRequest, plain.StatusCode)

	require.NoError(t, os.WriteFile(certFile, []byte("broken"), 0o600))
	require.NoError(t, s.process.Process.Signal(syscall.SIGHUP))
	require.Eventually(t, func() bool { return strings.Contains(s.stderr.String(), "what was read before stays") }, 10*time.Second, 10*time.Millisecond)
	require.EqualValues(t, 1, served())
	pool.AddCert(certify(t, certFile, keyFile, 2))
	require.NoError(t, s.process.Process.Signal(syscall.SIGHUP))
	require.Eventually(t, func() bool { return served() == 2 }, 10*time.Second, 10*time.Millisecond)
	s.stop(t)
}

// TestStoppingIsBounded: an API that never answers does not keep the process
// beyond --shutdown-timeout. The exit status says that something was left, and
// the next start finds out what.
func TestStoppingIsBounded(t *testing.T) {
	api := newAPI(t)
	env := api.variables(t, filepath.Join(t.TempDir(), "ledger.db"))
	s := serve(t, env, "--shutdown-timeout", "2s")
	session := s.open(t, "2025-11-25", nil)
	order := with(valid("")["order_virtuozzo_license"], "title", "held")
	preview := ask(t, session, "order_virtuozzo_license", order, nil)
	arrived, release := api.holdForms("held")
	go func() {
		_, _ = session.CallTool(t.Context(), &mcp.CallToolParams{Name: "order_virtuozzo_license", Arguments: with(order, "confirm", preview["confirm"])}) // it is cut off
	}()
	<-arrived
	begun := time.Now()
	require.NoError(t, s.process.Process.Signal(syscall.SIGTERM))
	<-s.read
	var exit *exec.ExitError
	require.ErrorAs(t, s.process.Wait(), &exit, "%s", s.stderr)
	require.Equal(t, 1, exit.ExitCode())
	require.Less(t, time.Since(begun), 20*time.Second, "the API's own timeout is 30 seconds")
	require.Contains(t, s.stderr.String(), "may not have recorded its outcome")
	close(release)

	again := serve(t, env)
	state := func() any {
		return ask(t, again.open(t, "2025-11-25", nil), "get_operation", object{"operationId": preview["operationId"]}, nil)["operation"].(object)["state"]
	}
	require.Contains(t, []any{"sending", "unknown", "succeeded"}, state())
	require.Equal(t, 1, strings.Count(strings.Join(lines(t, api.take()), "\n"), "POST /license/virtuozzo/order"), "it is never sent again")
	again.stop(t)
}

// TestSessionsOutliveTheProcess: after a restart with the same ledger a session
// goes on, and one that was ended stays ended.
func TestSessionsOutliveTheProcess(t *testing.T) {
	env := newAPI(t).variables(t, filepath.Join(t.TempDir(), "ledger.db"))
	s := serve(t, env)
	session := func() string {
		status, answer, header := post(t, s.url, initialize)
		require.Equal(t, http.StatusOK, status, answer)
		return header.Get("Mcp-Session-Id")
	}
	kept, ended := session(), session()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, s.url, nil)
	require.NoError(t, err)
	request.Header.Set("Mcp-Session-Id", ended)
	response, err := webClient.Do(request)
	require.NoError(t, err)
	response.Body.Close()
	require.Equal(t, http.StatusNoContent, response.StatusCode)
	s.stop(t)

	s = serve(t, env)
	status := func(session string) int {
		status, _, _ := post(t, s.url, `{"jsonrpc":"2.0","id":1,"method":"ping"}`, "Mcp-Session-Id", session)
		return status
	}
	require.Eventually(t, func() bool { return status(ended) == http.StatusNotFound }, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, http.StatusOK, status(kept))
	s.stop(t)
}

// TestLogLinesCarryTheRequest: every line that a request leads to carries the id
// that its answer does, and over stdio the id of the call, and none holds what
// the request said.
func TestLogLinesCarryTheRequest(t *testing.T) {
	api := newAPI(t)
	order := with(valid("")["order_virtuozzo_license"], "title", "log-me-not")
	lines := func(stderr string) (found map[string]object) {
		require.NotContains(t, stderr, "log-me-not")
		found = map[string]object{}
		for read := bufio.NewScanner(strings.NewReader(stderr)); read.Scan(); {
			var line object
			require.NoError(t, json.Unmarshal(read.Bytes(), &line), read.Text())
			found[line["msg"].(string)] = line
		}
		return found
	}

	file := filepath.Join(t.TempDir(), "tokens.yaml")
	secret := token(t, file, "--name", "crm", "--scopes", "licenses:read,licenses:order")
	s := serve(t, api.variables(t, filepath.Join(t.TempDir(), "ledger.db")), "--tokens-file", file, "--log-level", "debug")
	crm := newHTTPCaller(t, s.url, secret)
	preview := crm.call("order_virtuozzo_license", order)
	encoded, err := json.Marshal(object{"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": object{"name": "order_virtuozzo_license", "arguments": with(order, "confirm", preview["confirm"])}})
	require.NoError(t, err)
	_, answer, header := post(t, s.url, string(encoded), crm.headers...)
	require.Contains(t, answer, `"succeeded"`)
	s.stop(t)
	require.NotContains(t, s.stderr.String(), secret)
	told := lines(s.stderr.String())
	for _, message := range []string{"operation answered", "request"} {
		require.Contains(t, told, message)
		require.Equal(t, header.Get("X-Request-Id"), told[message]["request"], message)
	}
	require.Len(t, told["operation proposed"]["request"], 16)
	require.NotEqual(t, header.Get("X-Request-Id"), told["operation proposed"]["request"])
	require.Equal(t, "crm", told["operation proposed"]["caller"])
	require.Equal(t, "crm", told["operation answered"]["caller"])

	encoded, err = json.Marshal(object{"jsonrpc": "2.0", "id": "mine", "method": "tools/call", "params": object{"name": "order_virtuozzo_license", "arguments": order}})
	require.NoError(t, err)
	_, stderr, status := run(t, append(api.variables(t, filepath.Join(t.TempDir(), "ledger.db")), "WEBSOFTSOLUS_LOG_FORMAT=json"), hello+string(encoded)+"\n")
	require.Equal(t, 0, status)
	require.Equal(t, `"mine"`, lines(stderr)["operation proposed"]["call"])
}
