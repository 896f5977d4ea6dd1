package page_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/websoftsolus-mcp/websoftsolus-mcp/internal/operations"
)

// browser is a real Chromium without a window, with a fresh profile of its own, which the
// library makes and removes.
type browser struct {
	context.Context
	t     *testing.T
	shots string // where screenshots go: go test -artifacts keeps them
}

func newBrowser(t *testing.T) *browser {
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("REQUIRE_ALL") != "" {
			t.Fatal("chromium is not installed, and REQUIRE_ALL is set")
		}
		t.Skip("chromium is not installed")
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.WindowSize(1000, 900),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true), // containers have a small one
	}
	// A browser that dies while it starts says nothing of the page: it is started
	// again, twice.
	for attempt := 0; ; attempt++ {
		allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
		tab, closeTab := chromedp.NewContext(allocator)
		end := func() {
			closeTab()
			stop() // waits for the browser to end
		}
		err := chromedp.Run(tab) // it lives as long as this context
		if err == nil {
			t.Cleanup(end)
			bounded, cancel := context.WithTimeout(tab, time.Minute)
			t.Cleanup(cancel)
			return &browser{bounded, t, t.ArtifactDir()}
		}
		end()
		require.Less(t, attempt, 2, "start chromium: %v", err)
		t.Logf("chromium died while it started: %v", err)
	}
}

func (b *browser) run(actions ...chromedp.Action) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Run(b, actions...))
}

// shot keeps a picture of the whole page.
func (b *browser) shot(name string) {
	b.t.Helper()
	var picture []byte
	b.run(chromedp.FullScreenshot(&picture, 100))
	require.NoError(b.t, os.WriteFile(filepath.Join(b.shots, name+".png"), picture, 0o600))
}

func (b *browser) text(selector string) string {
	b.t.Helper()
	var text string
	b.run(chromedp.Text(selector, &text, chromedp.ByQuery))
	return text
}

// signIn opens a link and signs in.
func (b *browser) signIn(link string) {
	b.t.Helper()
	b.run(chromedp.Navigate(link), chromedp.SendKeys("#secret", secret, chromedp.ByQuery), chromedp.Submit("#secret", chromedp.ByQuery),
		chromedp.WaitVisible("dl", chromedp.ByQuery))
}

// decide types a text and presses a button, and waits for what it says then.
func (b *browser) decide(text, button, says string) string {
	b.t.Helper()
	if text != "" {
		b.run(chromedp.SendKeys("#typed", text, chromedp.ByQuery))
	}
	b.run(chromedp.Click(button, chromedp.ByQuery), chromedp.WaitVisible(says, chromedp.ByQuery))
	return b.text(says)
}

func TestChromiumApproves(t *testing.T) {
	b := newBench(t)
	c := newBrowser(t)
	o := b.order("Käsekuchen & Söhne")
	link := b.link(o)
	c.run(chromedp.Navigate(link), chromedp.WaitVisible("#secret", chromedp.ByQuery))
	c.shot("sign-in")
	c.signIn(link)
	c.shot("preview")
	require.Contains(t, c.text("dl"), "Käsekuchen & Söhne")
	var colour string
	c.run(chromedp.Evaluate(`getComputedStyle(document.querySelector('#approve')).backgroundColor`, &colour))
	require.Equal(t, "rgb(26, 26, 26)", colour, "the policy lets the style sheet through")

	require.Contains(t, c.decide("PLESK_12", "#approve", "#message"), "not the product name")
	c.shot("wrong-value")
	require.Empty(t, b.sent())
	require.Contains(t, c.decide(product, "#approve", "#outcome"), "Done. The licence was ordered.")
	c.shot("approved")
	require.Equal(t, []string{"POST /license/plesk/order"}, b.sent())

	// The browser has a session still; the link has not.
	c.run(chromedp.Navigate(link), chromedp.WaitVisible("#message", chromedp.ByQuery))
	require.Contains(t, c.text("h1"), "leads nowhere any more")
	c.shot("second-use")
}

func TestChromiumDeclinesAndFindsAnExpiredLink(t *testing.T) {
	b := newBench(t)
	c := newBrowser(t)
	o := b.order("shop")
	c.signIn(b.link(o))
	require.Contains(t, c.decide("", "#decline", "#outcome"), "Declined. Nothing was sent.")
	c.shot("declined")

	late := b.order("late")
	link := b.link(late)
	b.advance(11 * time.Minute)
	c.run(chromedp.Navigate(link), chromedp.WaitVisible("#message", chromedp.ByQuery))
	require.Contains(t, c.text("h1"), "leads nowhere any more")
	c.shot("expired-link")
	require.Empty(t, b.sent())
	require.Equal(t, operations.Expired, b.state(late).State)
}

func TestChromiumShowsHostileTitlesAsText(t *testing.T) {
	b := newBench(t)
	c := newBrowser(t)
	for i, title := range hostile {
		o := b.order(title)
		c.signIn(b.link(o))
		c.shot(fmt.Sprintf("hostile-%d", i))
		var found struct {
			Scripts, Images, Links, Headings int
			Title, Direction                 string
		}
		c.run(chromedp.Evaluate(`({
			Scripts: document.scripts.length, Images: document.images.length, Links: document.links.length,
			Headings: document.querySelectorAll('h1').length, Title: document.title,
		})`, &found))
		require.Zero(t, found.Scripts+found.Images, "%q", title)
		require.Equal(t, 1, found.Links, "the page's own: %q", title)
		require.Equal(t, 1, found.Headings, "%q", title)
		require.Equal(t, "Order "+product, found.Title)
		require.Contains(t, c.text("dl"), strings.Fields(title)[0][:4])
	}
	require.Empty(t, b.sent())
}

func TestChromiumOnAPhone(t *testing.T) {
	b := newBench(t)
	c := newBrowser(t)
	o := b.order(strings.Repeat("averylongtitlewithoutspaces", 5))
	c.run(chromedp.EmulateViewport(360, 740, chromedp.EmulateScale(2)))
	check := func(name string) {
		var wide int
		c.run(chromedp.Evaluate(`document.documentElement.scrollWidth`, &wide))
		require.LessOrEqual(t, wide, 360, "%s scrolls sideways", name)
		c.shot("phone-" + name)
	}
	link := b.link(o)
	c.run(chromedp.Navigate(link), chromedp.WaitVisible("#secret", chromedp.ByQuery))
	check("sign-in")
	c.signIn(link)
	check("preview")
	var tall float64
	c.run(chromedp.Evaluate(`document.querySelector('#approve').getBoundingClientRect().height`, &tall))
	require.GreaterOrEqual(t, tall, 40.0, "a finger finds the button")
	c.run(chromedp.Navigate(b.url+"/approvals"), chromedp.WaitVisible("ul", chromedp.ByQuery))
	check("list")
}
