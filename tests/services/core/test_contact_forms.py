"""Phones and e-mail addresses have one form, however they are written."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from services.core.contacts.email_addresses import (
    EmailDomains,
    comparable_email,
    parse_email,
    read_email,
)
from services.core.contacts.phone_numbers import parse_phone, region_of_zone
from services.core.problems import DomainError, InvalidInput

SAME = {
    "+442079460958": [
        "+44 (0)20 7946 0958", "0044 20 7946 0958", "+44-20-7946.0958", "tel:+442079460958",
        "\u202a+44 20 7946 0958\u202c",
        "+44\u00a020\u20097946\u20110958",
        "\uff0b\uff14\uff14 \uff12\uff10 \uff17\uff19\uff14\uff16 0958",
        "\ufeff+442079460958\u200b", "(00)44 20 7946 0958", "+(44) 20 7946 0958",
        "(+44) 20 7946 0958", "++44 20 7946 0958", "+0044 20 7946 0958",
        "+44\u201320\u20137946\u20130958", "+44 20 7946 0958,", "\u207a442079460958",
        "\u200e0044 20 7946 0958", "0\u200b044 207 946 0958",
    ],
    "+5491123456789": ["+54 9 11 2345 6789", "+54 11 15 2345 6789", "+54 11 2345 6789"],
    "+525512345678": ["+52 1 55 1234 5678", "+52 55 1234 5678"],
    "+5511987654321": ["+55 11 98765-4321", "+55 11 8765-4321", "+55 (011) 98765-4321"],
    "+2290197123456": ["+229 97 12 34 56", "+229 01 97 12 34 56"],
    "+4915123456789": ["+49 (0) 151 23456789", "0049151 23456789", "+49 (0)151/23456789"],
    "+79123456789": ["+7 (8) 912 345 67 89", "+7 8 912 345-67-89"],
    "+819012345678": ["+81 (0)90-1234-5678", "+81 090-1234-5678"],
    "+36201234567": ["+36 06 20 123 4567"],
    "+966501234567": ["+966 05 0123 4567",
    "\u0660\u0660\u0669\u0666\u0666 \u0665\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667"],
    "+919876543210": ["+91 098765 43210", "\u0966\u0966\u096f\u0967 98765 43210"],
    "+390669812345": ["+39 06 698 12345", "0039 06 69812345"],
    "+351912345678": ["\u0660\u0660\u0663\u0665\u0661 912345678", "+351 912 345 678\n",
        "+351 (0) 912 345 678", "00351 (0)912 345 678"],
}  # fmt: skip
NATIONAL = [
    ("912 345 678", "PT", "+351912345678"), ("020 7946 0958", "GB", "+442079460958"),
    ("(11) 98765-4321", "BR", "+5511987654321"), ("011 15-2345-6789", "AR", "+5491123456789"),
    ("8 912 345-67-89", "RU", "+79123456789"), ("00351912345678", "BR", "+351912345678"),
    ("0151 23456789", "DE", "+4915123456789"), ("06 20 123 4567", "HU", "+36201234567"),
    ("(202) 555-0143", "US", "+12025550143"), ("1 202 555 0143", "US", "+12025550143"),
    ("010 44 20 7946 0958", "JP", "+442079460958"), ("44 20 7946 0958", "GB", "+442079460958"),
    ("8-10-44-20-7946-0958", "RU", "+442079460958"), ("9123 4567", "HK", "+85291234567"),
    ("011 351 912345678", "US", "+351912345678"), ("06 698 12345", "IT", "+390669812345"),
]  # fmt: skip
NO_PHONES = [
    "", "+9999999", "+1 000 000 0000", "+351000000000", "+0123456789", "912345678", "+351 call me",
    "+44 20 7946 0958 ext 5", "+44 20 7946 0958 x12", "+44 20 7946 0958;ext=12",
    "+1-202-555-0143,,12", "+44 7911 123456 / +44 7911 123457", "+852 123456", "+1" * 40,
    "+351112", "\0", "1-800-FLOWERS", "+" + "9" * 5000,
]  # fmt: skip
SHORT_CODES = [("112", "PT"), ("999", "GB"), ("62442", "US"), ("110", "DE")]
WITHOUT_TEXTS = [
    "+44 70 1234 5678", "+882 16 1234 5678", "+979 1 2345 6789", "+1 800 234 5678",
    "+49 137 1234567", "+33 8 99 12 34 56", "+34 803 123 456", "+39 899 123456",
    "+1 900 555 1234", "+44 909 879 0000", "+800 1234 5678", "+44 845 464 6464",
]  # fmt: skip
NO_EMAILS = [
    "", "a@b..com", "<a@x.com>", "Ann <a@x.com>", "a..b@x.com", ".a@x.com", '"a b"@x.com', "a@x",
    "a@[192.0.2.1]", "a@192.0.2.1", "a@-x.com", "a@x.com, b@x.com", "a b@x.com", "a@b@x.com",
    "a@x.com.", "a@x.com,", "a@x.com;", '"a"@x.com', '"a.b"@x.com', "a@x.com (Ann)", "a(b)@x.com",
    "mailto:a@x.com", "a@x_y.com", "a@x.123", "a@[IPv6:::1]", "a@xn--zzzz", "\u0430@x.com",
    "\u7528\u6237@\u4f8b\u5b50.\u5e7f\u544a", "mailto:a@x.com?cc=b@x.com", "a@localhost",
    "ä@x.com", "x" * 65 + "@x.com", "a@x.com\0",
    "a@" + "x" * 64 + ".com", "a@x.com\nBcc: b@x.com",
]  # fmt: skip


@pytest.mark.parametrize(("form", "texts"), SAME.items())
def test_every_way_to_write_a_number_is_one_person(form: str, texts: list[str]) -> None:
    """Two accounts for one owner: with (0), with 00, with a mark, with an old mobile prefix."""
    assert {parse_phone(text) for text in [*texts, form]} == {form}


@pytest.mark.parametrize(("text", "region", "form"), NATIONAL)
def test_a_number_without_a_country_code_is_one_of_the_place(
    text: str, region: str, form: str
) -> None:
    """A customer at the counter types the national number, and became a second person."""
    assert parse_phone(text, region=region) == form


@pytest.mark.parametrize("text", NO_PHONES)
def test_what_is_no_number_gets_no_message(text: str) -> None:
    """Nine digits of nothing got an SMS, which costs money and reaches nobody."""
    with pytest.raises(DomainError) as refused:
        parse_phone(text, "input", "phone")
    assert refused.value.problems[0].path == ["input", "phone"]


@pytest.mark.parametrize(("text", "region"), SHORT_CODES)
def test_a_short_number_of_a_country_is_no_person(text: str, region: str) -> None:
    """An emergency or service number would get codes, and be an account."""
    with pytest.raises(DomainError):
        parse_phone(text, region=region)


@pytest.mark.parametrize("text", WITHOUT_TEXTS)
def test_a_number_that_costs_its_caller_gets_no_message(text: str) -> None:
    """It may still be the phone of a supplier."""
    with pytest.raises(DomainError, match="can't receive text messages"):
        parse_phone(text)
    assert parse_phone(text, for_texts=False)


EXAMPLES = [
    number
    for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    if (number := phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE))
]


@pytest.mark.parametrize("style", ["E164", "INTERNATIONAL"])
def test_the_form_of_every_country_is_the_same_for_every_style(style: str) -> None:
    """Formatting and reading again ends at one form, which reads as itself."""
    for number in EXAMPLES:
        form = phonenumbers.format_number(number, PhoneNumberFormat.E164)
        once = parse_phone(phonenumbers.format_number(number, getattr(PhoneNumberFormat, style)))
        assert (once, parse_phone(once)) == (form, once)
        abroad = f"00{form[1:]}"
        assert parse_phone(abroad) == once


@given(st.text(max_size=80))
def test_any_text_is_a_number_or_refused(text: str) -> None:
    """Any input is one or the other, and never an unexpected error."""
    try:
        form = parse_phone(text, region="PT")
    except DomainError:
        return
    assert parse_phone(form) == form


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("A.B+c@ExAmple.COM", "a.b+c@example.com"), (" a@x.com\u200b", "a@x.com"),
        ("a@münchen.de", "a@xn--mnchen-3ya.de"), ("a@MÜNCHEN.de", "a@xn--mnchen-3ya.de"),
        ("a@xn--mnchen-3ya.de", "a@xn--mnchen-3ya.de"), ("a@\uff45xample.com", "a@example.com"),
        ("\uff41\uff20\uff58\uff0e\uff43\uff4f\uff4d", "a@x.com"),
        ("a@example\u3002com", "a@example.com"),
        ("a@x.com\u2028", "a@x.com"), ("\u202aa@x.com\u202c", "a@x.com"),
        ("a\u00ad@x.com", "a@x.com"),
        ("a@fa\u00df.de", "a@xn--fa-hia.de"),
        ("a@\u4f8b\u5b50.\u5e7f\u544a", "a@xn--fsqu00a.xn--4rr70v"),
        ("a'b+c%d@x.com", "a'b+c%d@x.com"),
    ],
)  # fmt: skip
def test_every_way_to_write_an_address_is_one_person(text: str, form: str) -> None:
    """Capitals, marks and a domain in its own script made second accounts of one mailbox."""
    assert parse_email(text) == form == parse_email(form) == comparable_email(text)


@pytest.mark.parametrize("text", NO_EMAILS)
def test_what_is_no_address_gets_no_mail(text: str) -> None:
    """`a@b..com` and `<a@x.com>` were stored, and every mail to them came back."""
    with pytest.raises(DomainError) as refused:
        parse_email(text, "input", "email")
    assert refused.value.problems[0].path == ["input", "email"]
    assert "\0" not in comparable_email(text)


@pytest.mark.parametrize(
    "domain",
    ["mail.example", "example.com", "mail.example.org", "shop.internal", "printer.lan", "a.home",
     "shop.corp", "EXAMPLE.NET", "mail\uff0eexample"],
)  # fmt: skip
def test_an_address_that_no_mail_reaches_is_for_development_only(domain: str) -> None:
    """A mistyped or invented domain made an account whose owner never got a mail."""
    assert parse_email(f"ana@{domain}") == parse_email(f"ana@{domain}", domains=EmailDomains.ANY)
    with pytest.raises(DomainError) as refused:
        parse_email(f"ana@{domain}", "input", "email", domains=EmailDomains.PUBLIC)
    [problem] = refused.value.problems
    assert isinstance(problem, InvalidInput)
    assert problem.path == ["input", "email"]
    assert "No mail reaches" in problem.message


@pytest.mark.parametrize("domain", ["local", "localhost", "invalid", "onion", "test", "arpa"])
@pytest.mark.parametrize("domains", EmailDomains)
def test_these_names_are_no_mail_servers_anywhere(domain: str, domains: EmailDomains) -> None:
    with pytest.raises(DomainError):
        parse_email(f"ana@mail.{domain}", domains=domains)


@pytest.mark.parametrize("domain", ["gmail.com", "example.pt", "myexample.com", "internal.org"])
def test_other_domains_are_for_everybody(domain: str) -> None:
    assert parse_email(f"ana@{domain}", domains=EmailDomains.PUBLIC) == f"ana@{domain}"


@given(st.text(max_size=80) | st.emails())
def test_any_text_is_an_address_or_refused(text: str) -> None:
    """Any input is one or the other, and never an unexpected error."""
    form = read_email(text)
    assert form is None or (read_email(form) == form == form.lower() and form.isascii())


@pytest.mark.parametrize(
    ("zone", "region"),
    [("Europe/Lisbon", "PT"), ("America/Sao_Paulo", "BR"), ("UTC", None), ("Nowhere/At_all", None)],
)
def test_the_country_of_a_store_is_that_of_its_time_zone(zone: str, region: str | None) -> None:
    """A national number in a store of Portugal is Portuguese, whoever runs the server."""
    assert region_of_zone(zone) == region
