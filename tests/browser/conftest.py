"""A headless Chromium, as Debian's packages chromium and chromium-driver have it."""

import json
import shutil
import tempfile

import pytest

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.hookimpl(tryfirst=True)  # before -m looks at the markers
def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/browser" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def driver():
    """A browser that logs what its pages say and ask for."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium: pip install 'tinygrad_np[browser]'")
    programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if None in programs:
        pytest.skip("needs Chromium: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(programs[1]))
        yield browser
        browser.quit()


class Page:
    """A page in a window of some width, light or dark."""

    def __init__(self, driver, path, width, dark):
        self.driver = driver
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        theme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": theme})
        driver.get_log("browser"), driver.get_log("performance")
        driver.get(path.as_uri())

    def run(self, script, *args):
        """Run a script in the page; return what it returns."""
        return self.driver.execute_script(script, *args)

    def all(self, selector):
        return self.driver.find_elements("css selector", selector)

    def one(self, selector):
        return self.driver.find_element("css selector", selector)

    def text(self, selector):
        return self.one(selector).text

    def press(self, *keys, on="body"):
        """Press keys, where the focus is or on an element."""
        target = self.driver.switch_to.active_element if on is None else self.one(on)
        for key in keys:
            target.send_keys(key)

    def problems(self):
        """What the console says, and which addresses were asked for but the page's own and data."""
        messages = [entry["message"] for entry in self.driver.get_log("browser")]
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        asked = [
            event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"
        ]
        return messages, [url for url in asked if not url.startswith(("file:", "data:"))]


@pytest.fixture
def show(driver, tmp_path):
    """Show an explanation."""

    def show(seen, width=1600, dark=False):
        seen.save(tmp_path / "page.html")
        return Page(driver, tmp_path / "page.html", width, dark)

    return show
