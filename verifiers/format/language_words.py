"""What tells languages apart that share a script: their commonest words, and letters that their neighbours lack.

    STOP_WORDS["de"]        # frozenset({"der", "die", ...})

The codes are those of ISO 639-1. The lists were written for this project.
"""

STOP_WORDS: dict[str, frozenset[str]] = {
    code: frozenset(words.split())
    for code, words in {
        "en": "the of and to in is that it was for on are as with his they at be this have from or had by but not what "
        "all were we when your can said there use an each which she do how their if will up about out many then them "
        "these so some her would make like him into has no my than been its who you he i me our because could should "
        "a any more most very just also every one two three other another each only even here too",
        "de": "der die das und ist nicht ein eine einen einem einer zu in den dem des mit sich auf für von im auch es "
        "an werden aus er hat dass sie nach wird bei noch wie über so zum war haben nur oder aber vor zur bis mehr "
        "durch man sein wurde wenn können als ich wir ihr du mich uns kein keine sind was diese dieser dieses",
        "fr": "le la les de des du un une et est en que qui dans pour pas sur au aux avec ce cette ces il elle ils "
        "elles ne se son sa ses par plus ou mais nous vous je tu on sont été être avoir fait comme si leur leurs tout "
        "très aussi même bien où dont qu mon votre notre",
        "es": "el la los las de del que y en un una es se no por con para su sus al lo como más pero le ya este esta "
        "estos sí porque cuando muy sin sobre también me hasta hay donde quien desde todo nos durante uno ni contra "
        "ese eso mi qué ser son fue era está tiene puede yo tú usted ha",
        "pt": "o a os as de do da dos das que e é em um uma não para com por se no na nos nas mais mas como foi ao ele "
        "ela seu sua seus suas ou quando muito já está eu também só pelo pela até isso entre era depois sem mesmo aos "
        "ser ter são você há nem esse essa este esta pode",
        "it": "il lo la i gli le di del della dei delle che e è in un una uno per non con si sono da dal dalla al alla "
        "nel nella come più ma anche se questo questa ha ho o sul sulla ci mi ti ne quando perché molto essere era "
        "stato tutto suo sua loro noi voi io tu dell all nell può cosa",
        "nl": "de het een en van in is dat op te zijn met voor niet aan er om ook als dan maar bij uit nog naar door "
        "over ze zich hij was wordt worden heeft hebben had ik je jij we wij deze dit die kan meer wel geen of tot "
        "moet zou hun haar mijn",
        "sv": "och att det i en är på som för med av den till inte har de ett om var jag men sig från vi så kan när "
        "han hon man nu under också eller mycket efter vid där ska bara mot ut hade alla detta denna är mig dig vara",
        "da": "og at det i en er på som for med af den til ikke har de et om var jeg men sig fra vi så kan når han hun "
        "man nu under også eller meget efter ved der skal kun mod ud havde alle dette denne hvad hvor være blev",
        "no": "og at det i en er på som for med av den til ikke har de et om var jeg men seg fra vi så kan når han hun "
        "man nå under også eller mye etter ved der skal bare mot ut hadde alle dette denne hva hvor være ble",
        "fi": "ja on ei että se hän ovat oli mutta myös kun niin kuin joka jos tai mitä minä sinä me te he tämä sen "
        "olla voi vain ole hyvin sitä ovat joita jotka mukaan vielä nyt sekä mutta koska kaikki kanssa jälkeen ennen "
        "sitten tämän tässä siitä mikä en minun olen",
        "pl": "i w na z do nie się że to jest o jak po co ale za od przez dla tak czy są tym już tylko być jego jej "
        "ich był była może oraz które który która gdy ten ta te tego tej przy bez mnie więc także ja ty my wy on ona",
        "cs": "a je se v na že to s z do o i ve jsou jako za po ale pro by k od které který která není jsem aby co už "
        "také jen při byl být nebo tak když ještě jeho si před tím této tento podle než",
        "ro": "și de la în cu nu o pe un a este care că să mai din pentru sunt au ce se am dar prin fost după ca fi "
        "sau foarte lui ei cel această acest fără când dacă iar",
        "hu": "a az és hogy nem is egy ez van meg de csak már volt ki még mint vagy el ha fel azt ezt lehet minden "
        "nagyon kell mert olyan után között majd így én te ő mi itt ott",
        "tr": "ve bir bu da de için ile çok daha olarak gibi ne kadar var ama en sonra o ben sen biz siz onlar olan "
        "her ya değil mi şey diye bütün nasıl ise hem veya",
        "id": "yang dan di ke dari untuk dengan ini itu adalah tidak pada dalam akan juga atau karena ada oleh sebagai "
        "saya kami kita anda mereka dia bisa dapat lebih sudah telah seperti tersebut saat hanya para",
        "vi": "và của là có không một những các cho được trong với này đó khi người tôi bạn để từ cũng đã sẽ như "
        "nhưng về nếu vì rất ra vào còn thì ở đến nhiều hơn chúng ta làm phải hay bị lại đang",
        "sw": "ya wa na kwa ni katika za la cha kuwa hii hiyo si yake wake lakini pia kama au hilo huo watu sana "
        "ambayo ambao wao yeye mimi wewe sisi zaidi bila kila moja baada kabla hapa hapo vya kwamba alikuwa ili "
        "yao yangu yako wangu wako ndio hakuna",
        "ru": "и в не на что с по это как а но из у за от то все для его она он они мы вы я так же был была было были "
        "о к бы или если только уже еще ещё когда очень может есть чтобы при до после который которые также этот эта "
        "их мне нас меня тебя",
        "uk": "і в не на що з по це як а але із у за від то всі для його вона він вони ми ви я так же був була було "
        "були про до би або якщо тільки вже ще коли дуже може є щоб при після який які також цей ця їх та й мені нас",
        "bg": "и в не на че с по това как а но от за то всички се е са си да като той тя те ние вие аз така беше бяха "
        "във със или ако само вече още когато много може има при до след който която които също този тази им ми ни ще "
        "към между",
        "el": "και το η ο να του της την στο με για από είναι που δεν τα οι θα σε τον των μια ένα στην στη αυτό ότι "
        "κατά ή αλλά πολύ",
        "hi": "है हैं के का की को में से और यह वह कि पर ने एक नहीं तो ही भी था थी थे हो जो लिए कर या अपने इस उस साथ "
        "करने गया कुछ जब तक हम आप मैं मेरे बहुत रहा रही रहे सकते होता होती क्या",
        "mr": "आहे आहेत आणि या हा ही हे ते तो ती मध्ये होते होता होती नाही की पण एक मी तुम्ही आपण त्या त्याच्या "
        "त्यांच्या साठी च्या ला ने झाला झाली केले करून असे असा असते तर काही खूप मला आपल्या माझ्या म्हणून यांनी जे",
        "ne": "छ छन् हो र को का मा ले लाई बाट पनि यो त्यो एक गर्न भएको गरेको थियो थिए छैन हुन्छ हुन् म तपाईं हामी "
        "उनी तर वा भने अनि गरी गर्ने हुने धेरै मेरो हाम्रो तिनीहरू कि जो के अझै सबै लागि साथ",
        "ar": "في من على إلى أن هذا هذه التي الذي عن مع كان كانت هو هي لا ما لم قد كل بعد قبل أو ثم حتى إذا ذلك تلك "
        "بين عند أنا نحن أنت هم لكن كما أي ليس يكون إن غير هناك منذ و يا",
        "fa": "و در به از که این را با است برای آن یک می ها خود تا کرد بر هم نیز شد بود اما یا اگر هر ما شما من او "
        "آنها باید دارد شده کند های پس چه همه بسیار نیست هستند وی دو باشد کنید",
        "ur": "کے کی کا ہے میں اور سے کو نے پر یہ وہ کہ ایک ہیں اس بھی نہیں تھا تھی تھے ہو جو لیے کر یا تو ہی اپنے "
        "ان ساتھ گیا کچھ جب تک ہم آپ بہت رہا رہی رہے سکتے ہوتا کرنے کیا",
    }.items()
}

LETTERS: dict[str, str] = {
    "de": "äöüß",
    "fr": "çèêëàùûîïœô",
    "es": "ñáíóú",
    "pt": "ãõç",
    "it": "òìùèà",
    "sv": "åäö",
    "da": "æøå",
    "no": "æøå",
    "fi": "äö",
    "pl": "łśżźćęąń",
    "cs": "řěůžščý",
    "ro": "șțăâî",
    "hu": "őűöüáé",
    "tr": "ışğçöü",
    "vi": "ăđơưạảấầẩậắằặẹẻẽếềểễệỉịọỏốồổỗộớờởợụủứừửựỳỷỹ",
    "ru": "ыэё",
    "uk": "іїєґ",
    "bg": "ъ",
    "mr": "ळ",
    "fa": "پچژگ",
    "ar": "ةىأإ",
    "ur": "ٹڈڑےںہھ",
}
"""Letters that hint at a language among those of its script; a word with one of them counts half a stop word"""

SCRIPTS: dict[str, str] = {
    **dict.fromkeys(STOP_WORDS, "Latin"),
    **dict.fromkeys(("ru", "uk", "bg"), "Cyrillic"),
    **dict.fromkeys(("hi", "mr", "ne"), "Devanagari"),
    **dict.fromkeys(("ar", "fa", "ur"), "Arabic"),
    "el": "Greek",
    "he": "Hebrew",
    "bn": "Bengali",
    "pa": "Gurmukhi",
    "gu": "Gujarati",
    "ta": "Tamil",
    "te": "Telugu",
    "kn": "Kannada",
    "ml": "Malayalam",
    "th": "Thai",
    "ko": "Hangul",
    "ja": "Kana",
    "zh": "Han",
}
"""Language to its script"""

BLOCKS: tuple[tuple[int, int, str], ...] = (
    (0x41, 0x5A, "Latin"),
    (0x61, 0x7A, "Latin"),
    (0xC0, 0x24F, "Latin"),
    (0x370, 0x3FF, "Greek"),
    (0x400, 0x52F, "Cyrillic"),
    (0x590, 0x5FF, "Hebrew"),
    (0x600, 0x77F, "Arabic"),
    (0x8A0, 0x8FF, "Arabic"),
    (0x900, 0x97F, "Devanagari"),
    (0x980, 0x9FF, "Bengali"),
    (0xA00, 0xA7F, "Gurmukhi"),
    (0xA80, 0xAFF, "Gujarati"),
    (0xB80, 0xBFF, "Tamil"),
    (0xC00, 0xC7F, "Telugu"),
    (0xC80, 0xCFF, "Kannada"),
    (0xD00, 0xD7F, "Malayalam"),
    (0xE00, 0xE7F, "Thai"),
    (0x1100, 0x11FF, "Hangul"),
    (0x1E00, 0x1EFF, "Latin"),
    (0x1F00, 0x1FFF, "Greek"),
    (0x3040, 0x30FF, "Kana"),
    (0x3130, 0x318F, "Hangul"),
    (0x3400, 0x4DBF, "Han"),
    (0x4E00, 0x9FFF, "Han"),
    (0xAC00, 0xD7AF, "Hangul"),
    (0xF900, 0xFAFF, "Han"),
    (0xFB50, 0xFDFF, "Arabic"),
    (0xFE70, 0xFEFC, "Arabic"),
)
"""Ranges of code points, in order, and their script"""
