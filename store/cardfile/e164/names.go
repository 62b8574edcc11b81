package e164

import "strings"

// names are names of countries with their codes, as ITU-T E.164 assigns them.
// A name of several countries has several codes.
const names = `United Kingdom 44;United States 1;United Arab Emirates 971;Great Britain 44;England 44;Scotland 44;Saudi Arabia 966;South Africa 27;New Zealand 64;Sri Lanka 94;Costa Rica 506;El Salvador 503;
Hong Kong 852;Ivory Coast 225;Sierra Leone 232;Burkina Faso 226;Papua New Guinea 675;Czech Republic 420;North Macedonia 389;Bosnia 387;South Korea 82;Cape Verde 238;Puerto Rico 1;Dominican Republic 1;Jamaica 1;Canada 1;
Holland 31;Deutschland 49;Allemagne 49;Alemania 49;Frankreich 33,262,508,590,594,596;Francia 33,262,508,590,594,596;Spanien 34;Espagne 34;España 34;Italien 39,379;Italie 39,379;Italia 39,379;Österreich 43;Autriche 43;
Schweiz 41;Suisse 41;Suiza 41;Vereinigtes Königreich 44;Großbritannien 44;Grossbritannien 44;Royaume Uni 44;Reino Unido 44;Niederlande 31,599,297;Belgien 32;Belgique 32;Bélgica 32;Polen 48;Pologne 48;Polonia 48;
Russland 7;Russie 7;Rusia 7;Türkei 90;Turquie 90;Turquía 90;Griechenland 30;Grèce 30;Grecia 30;Schweden 46;Suède 46;Suecia 46;Norwegen 47;Norvège 47;Noruega 47;Dänemark 45,298,299;Danemark 45,298,299;Dinamarca 45,298,299;
Ungarn 36;Hongrie 36;Hungría 36;Rumänien 40;Roumanie 40;Rumania 40;Tschechien 420;Ägypten 20;Égypte 20;Egipto 20;Marokko 212;Maroc 212;Marruecos 212;Brasilien 55;Brésil 55;Brasil 55;Mexiko 52;Mexique 52;México 52;
Indien 91;Inde 91;Japon 81;Japón 81;Chine 86,852,853;Vereinigte Staaten 1;États Unis 1;Estados Unidos 1;Vereinigte Arabische Emirate 971;Arabia Saudita 966;
Afghanistan 93;Albania 355;Algeria 213;Andorra 376;Angola 244;Argentina 54;Armenia 374;Aruba 297;Australia 61,672;Austria 43;Azerbaijan 994;
Bahrain 973;Bangladesh 880;Belarus 375;Belgium 32;Belize 501;Benin 229;Bhutan 975;Bolivia 591;Botswana 267;Brazil 55;Brunei 673;Bulgaria 359;Burundi 257;
Cambodia 855;Cameroon 237;Chad 235;Chile 56;China 86,852,853;Colombia 57;Comoros 269;Croatia 385;Cuba 53;Cyprus 357,90;Czechia 420;Denmark 45,298,299;Djibouti 253;
Ecuador 593;Egypt 20;Eritrea 291;Estonia 372;Eswatini 268;Ethiopia 251;Fiji 679;Finland 358;France 33,262,508,590,594,596;Gabon 241;Gambia 220;Germany 49;Ghana 233;
Gibraltar 350;Greece 30;Greenland 299;Guatemala 502;Guyana 592;Haiti 509;Honduras 504;Hungary 36;Iceland 354;India 91;Indonesia 62;Iran 98;Iraq 964;
Israel 972,970;Italy 39,379;Japan 81;Jordan 962;Kazakhstan 7,997;Kenya 254;Kiribati 686;Kosovo 383,377,381,386;Kuwait 965;Kyrgyzstan 996;Laos 856;Latvia 371;Lebanon 961;
Lesotho 266;Liberia 231;Libya 218;Liechtenstein 423,417;Lithuania 370;Luxembourg 352;Macau 853;Madagascar 261;Malawi 265;Malaysia 60;Maldives 960;Mali 223;Malta 356;
Mauritania 222;Mauritius 230;Mexico 52;Moldova 373;Monaco 377;Mongolia 976;Montenegro 382;Morocco 212;Mozambique 258;Myanmar 95;Namibia 264;Nauru 674;Nepal 977;
Netherlands 31,599,297;Nicaragua 505;Niger 227;Nigeria 234;Norway 47;Oman 968;Pakistan 92;Palau 680;Panama 507;Paraguay 595;Peru 51;Philippines 63;Poland 48;Portugal 351;
Qatar 974;Romania 40;Russia 7;Rwanda 250;Samoa 685;Senegal 221;Serbia 381,383;Seychelles 248;Singapore 65;Slovakia 421;Slovenia 386;Somalia 252;Spain 34;Sudan 249;
Suriname 597;Sweden 46;Switzerland 41;Syria 963;Taiwan 886;Tajikistan 992;Tanzania 255;Thailand 66;Togo 228;Tonga 676;Tunisia 216;Turkey 90;Turkmenistan 993;
Tuvalu 688;UAE 971;Uganda 256;UK 44;Ukraine 380;Uruguay 598;USA 1;Uzbekistan 998;Vanuatu 678;Venezuela 58;Vietnam 84;Yemen 967;Zambia 260;Zimbabwe 263`

// codesByName maps the usual spellings of the first words of a name to country codes.
var codesByName = func() map[string][]string {
	all := map[string][]string{}
	for entry := range strings.SplitSeq(names, ";") {
		entry = strings.TrimSpace(entry)
		at := strings.LastIndex(entry, " ")
		name, codes := entry[:at], entry[at+1:]
		for _, spelling := range []string{name, strings.ToUpper(name), strings.ToLower(name)} {
			all[spelling] = strings.Split(codes, ",")
		}
	}
	return all
}()

// CodesOfName returns the country codes of the first words of a name, up to three, or nil.
func CodesOfName(name string) (codes []string) {
	name = strings.ReplaceAll(strings.TrimSpace(name), "-", " ")
	for end, words := 0, 0; end < len(name) && words < 3; words++ {
		next := strings.IndexAny(name[end:], " ,/(:_")
		if next < 0 {
			next = len(name) - end
		}
		end += next
		if found := codesByName[name[:end]]; found != nil {
			codes = found
		}
		end++
	}
	return codes
}
