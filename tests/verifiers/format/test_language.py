"""Languages told apart by script and stop words."""

import pytest

from verigym.verifiers.answers import WrongAnswer
from verigym.verifiers.format.language import language_fault, language_of, script_counts
from verigym.verifiers.format.language_words import BLOCKS, LETTERS, SCRIPTS, STOP_WORDS

SAMPLES = {
    "en": "The old man has two dogs, and they are both very friendly to the children of the village.",
    "de": "Der alte Mann hat zwei Hunde, und sie sind beide sehr freundlich zu den Kindern im Dorf.",
    "fr": "Le vieil homme a deux chiens, et ils sont très gentils avec les enfants du village.",
    "es": "El hombre viejo tiene dos perros y son muy amables con los niños del pueblo.",
    "pt": "O homem velho tem dois cães e eles são muito simpáticos com as crianças da aldeia.",
    "it": "Il vecchio ha due cani e sono molto gentili con i bambini del villaggio.",
    "nl": "De oude man heeft twee honden en ze zijn heel aardig voor de kinderen van het dorp.",
    "sv": "Den gamle mannen har två hundar och de är mycket snälla mot barnen i byn.",
    "da": "Den gamle mand har to hunde, og hvad de laver om dagen, er ikke meget; de vil være hos børnene.",
    "no": "Den gamle mannen har to hunder, og hva de gjør om dagen, er ikke mye; de vil være hos barna nå.",
    "fi": "Vanhalla miehellä on kaksi koiraa, ja ne ovat hyvin ystävällisiä kylän lapsille.",
    "pl": "Stary człowiek ma dwa psy i są one bardzo miłe dla dzieci ze wsi.",
    "cs": "Starý muž má dva psy a jsou velmi přátelští k dětem ve vesnici.",
    "ro": "Bătrânul are doi câini și sunt foarte prietenoși cu copiii din sat.",
    "hu": "Az öregembernek két kutyája van, és nagyon kedvesek a gyerekekkel.",
    "tr": "Yaşlı adamın iki köpeği var ve onlar çocuklar için çok iyi arkadaş.",
    "id": "Orang tua itu memiliki dua anjing dan mereka sangat ramah kepada anak-anak di desa.",
    "vi": "Ông già có hai con chó và chúng rất thân thiện với trẻ em trong làng.",
    "sw": "Mzee ana mbwa wawili na wao ni wema sana kwa watoto wa kijiji.",
    "ru": "У старика есть две собаки, и они очень добры к детям в деревне.",
    "uk": "У старого є дві собаки, і вони дуже добрі до дітей у селі.",
    "bg": "Старецът има две кучета и те са много добри с децата в селото.",
    "el": "Ο γέρος έχει δύο σκυλιά και είναι πολύ φιλικά με τα παιδιά.",
    "hi": "बूढ़े आदमी के पास दो कुत्ते हैं और वे गाँव के बच्चों के साथ बहुत अच्छे हैं।",
    "mr": "म्हाताऱ्या माणसाकडे दोन कुत्रे आहेत आणि ते गावातील मुलांशी खूप प्रेमळ आहेत.",
    "ne": "बूढो मानिससँग दुई कुकुर छन् र तिनीहरू गाउँका बच्चाहरूसँग धेरै मिलनसार छन्।",
    "ar": "الرجل العجوز لديه كلبان وهما لطيفان جدا مع الأطفال في القرية.",
    "fa": "پیرمرد دو سگ دارد و آنها با بچه های روستا بسیار مهربان هستند.",
    "ur": "بوڑھے آدمی کے پاس دو کتے ہیں اور وہ گاؤں کے بچوں کے ساتھ بہت اچھے ہیں۔",
    "he": "לאיש הזקן יש שני כלבים והם חביבים מאוד.",
    "bn": "বৃদ্ধ লোকটির দুটি কুকুর আছে।",
    "pa": "ਬੁੱਢੇ ਆਦਮੀ ਕੋਲ ਦੋ ਕੁੱਤੇ ਹਨ।",
    "gu": "વૃદ્ધ માણસ પાસે બે કૂતરા છે.",
    "ta": "வயதானவரிடம் இரண்டு நாய்கள் உள்ளன.",
    "te": "ముసలివాడికి రెండు కుక్కలు ఉన్నాయి.",
    "kn": "ಮುದುಕನಿಗೆ ಎರಡು ನಾಯಿಗಳಿವೆ.",
    "ml": "വൃദ്ധന് രണ്ട് നായ്ക്കളുണ്ട്.",
    "th": "ชายชรามีสุนัขสองตัว",
    "ko": "노인에게는 개 두 마리가 있다.",
    "ja": "老人は犬を二匹飼っています。",
    "zh": "老人有两只狗，它们对孩子很友好。",
}


def test_every_language_has_a_sample() -> None:
    assert set(SAMPLES) == set(SCRIPTS)
    assert set(LETTERS) <= set(STOP_WORDS) <= set(SCRIPTS)
    starts = [start for start, _, _ in BLOCKS]
    assert starts == sorted(starts)


@pytest.mark.parametrize("code", SAMPLES)
def test_each_sample_reads_as_its_language_and_as_no_other(code: str) -> None:
    text = SAMPLES[code]
    assert language_of(text) == code
    assert language_fault(text, code) == ""
    assert language_of(text.upper()) == code
    for other in SAMPLES:
        if other != code:
            assert language_fault(text, other) != ""


def test_reasons() -> None:
    assert language_fault("Bonjour, je suis ici.", "de") == "the text reads as fr, not de"
    assert language_fault("Guten Tag", "hi") == "0 of 8 letters are Devanagari, the script of hi"
    assert language_fault("12 + 3 !", "en") == "the text holds no letters of a known script"
    assert language_fault("PARIS", "de") == "nothing in the text shows that it is de"
    with pytest.raises(WrongAnswer, match=r"no language 'ger'; (did you mean|the languages are)"):
        language_fault("x", "ger")


def test_plain_letters_that_give_nothing_away_pass_for_english_only() -> None:
    assert language_fault("PARIS", "en") == ""
    assert language_fault("Кот", "en") != ""
    assert language_of("PARIS") == ""


def test_the_script_of_most_letters_decides() -> None:
    hindi = SAMPLES["hi"]
    assert language_fault(hindi + " OK Google", "hi") == ""
    assert language_fault(
        hindi + " and then all the rest is English, for no good reason that anyone here can think of", "hi"
    )
    assert script_counts("a漢カд1\ud800") == {"Latin": 1, "Han": 1, "Kana": 1, "Cyrillic": 1}
